"""Samplers of initial conditions: where the orbits that a model learns from begin."""

from __future__ import annotations

from .given import Given, figure_eight, pythagorean
from .groups import Plummer, Uniform
from .kepler_orbits import KeplerOrbits
from .moved import Moved
from .protocol import Initial, Sampler
from .scattering import Scattering
from .triples import HierarchicalTriples

__all__ = [
    "Given",
    "HierarchicalTriples",
    "Initial",
    "KeplerOrbits",
    "Moved",
    "Plummer",
    "Sampler",
    "Scattering",
    "Uniform",
    "figure_eight",
    "pythagorean",
]
