"""Kepler's equation is solved to rounding for every bound orbit and every phase."""

import math

import pytest
import torch
from problems import numbers

from aitimestepper.physics.kepler import eccentric_anomaly

ECCENTRICITIES = [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.999999]


def phases():
    near_pericentre = torch.logspace(-12, 0, 61, dtype=torch.float64)
    everywhere = torch.linspace(-40, 40, 801, dtype=torch.float64)
    return torch.cat([everywhere, near_pericentre, -near_pericentre, numbers(0.0, math.pi)])


@pytest.mark.parametrize("eccentricity", ECCENTRICITIES)
def test_solution_satisfies_the_equation(eccentricity):
    mean = phases()
    anomaly = eccentric_anomaly(mean, torch.full_like(mean, eccentricity))
    torch.testing.assert_close(anomaly - eccentricity * anomaly.sin(), mean, rtol=4e-16, atol=3e-15)


@pytest.mark.parametrize("eccentricity", ECCENTRICITIES)
def test_anomaly_grows_with_the_phase(eccentricity):
    mean = torch.linspace(-10, 10, 2001, dtype=torch.float64)
    assert (eccentric_anomaly(mean, torch.full_like(mean, eccentricity)).diff() > 0).all()


@pytest.mark.parametrize("eccentricity", ECCENTRICITIES)
def test_every_anomaly_is_found_again(eccentricity):
    anomaly = torch.linspace(-20, 20, 997, dtype=torch.float64)
    mean = anomaly - eccentricity * anomaly.sin()
    found = eccentric_anomaly(mean, torch.full_like(mean, eccentricity))
    worst = 1e-15 / (1 - eccentricity * anomaly.cos())
    assert ((found - anomaly).abs() <= 40 * worst + 1e-14).all()
