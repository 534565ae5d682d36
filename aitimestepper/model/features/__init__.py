"""Numbers that describe a state, or its recent past, to the network."""

from __future__ import annotations

from .changes import Changes
from .dimensionless import Dimensionless
from .protocol import Features
from .statistics import Basic, Rich

KINDS: dict[str, type[Dimensionless] | type[Basic] | type[Rich] | type[Changes]] = {
    "dimensionless": Dimensionless,
    "basic": Basic,
    "rich": Rich,
    "delta_mag": Changes,
}
"""Every set of features by the name that settings give it."""

__all__ = ["KINDS", "Basic", "Changes", "Dimensionless", "Features", "Rich"]
