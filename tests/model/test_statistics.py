"""Basic and rich features are the statistics that their formulas name."""

import numpy as np
import pytest
import torch
from problems import random_bound

from aitimestepper.model.features import Basic, Rich
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.state import System

KINDS = pytest.mark.parametrize("kind", [Basic, Rich])
SIZES = pytest.mark.parametrize(("bodies", "dimensions"), [(2, 2), (3, 2), (3, 3), (5, 3)])


def described(system):
    """Radii, speeds, accelerations, distances, rates and masses of one system, body by body."""
    mass, x, v = (t[0].numpy() for t in (system.mass, system.position, system.velocity))
    x, v = (u - np.average(u, axis=0, weights=mass) for u in (x, v))
    n = len(mass)
    pull = [
        sum(mass[j] * (x[j] - x[i]) / np.linalg.norm(x[j] - x[i]) ** 3 for j in range(n) if j != i)
        for i in range(n)
    ]
    ij = [(i, j) for i in range(n) for j in range(i + 1, n)]
    distance = np.array([np.linalg.norm(x[j] - x[i]) for i, j in ij])
    rate = np.array([(x[j] - x[i]) @ (v[j] - v[i]) for i, j in ij]) / distance
    sizes = [np.linalg.norm(u, axis=1) for u in (x, v, np.array(pull))]
    return [*sizes, distance, rate, mass]


@SIZES
def test_basic_features_are_means_and_extremes(bodies, dimensions):
    system = random_bound(1, bodies, dimensions, seed=4)
    r, v, a, distance, *_ = described(system)
    expected = [*(f(q) for q in (r, v, a) for f in (np.mean, np.max)), distance.min()]
    features = Basic(Gravity())(system)[0].numpy()
    np.testing.assert_allclose(np.sinh(features), expected, rtol=1e-12)


@SIZES
def test_rich_features_are_four_statistics_of_everything(bodies, dimensions):
    system = random_bound(1, bodies, dimensions, seed=5)
    expected = [f(q) for q in described(system) for f in (np.min, np.mean, np.max, np.std)]
    features = Rich(Gravity())(system)[0].numpy()
    np.testing.assert_allclose(np.sinh(features), expected, rtol=1e-10, atol=1e-14)


@KINDS
@SIZES
def test_size_is_the_number_of_features(kind, bodies, dimensions):
    features = kind(Gravity())
    assert features(random_bound(2, bodies, dimensions)).shape == (2, features.size(bodies))


@KINDS
def test_neither_place_nor_speed_nor_order_matters(kind):
    system, features = random_bound(3, 4, 3, seed=2), kind(Gravity(0.1))
    moved = System(
        system.mass[:, [2, 0, 3, 1]],
        system.position[:, [2, 0, 3, 1]] + 7.0,
        system.velocity[:, [2, 0, 3, 1]] - 3.0,
        system.time + 5,
    )
    torch.testing.assert_close(features(moved), features(system), rtol=1e-9, atol=1e-9)


@KINDS
def test_bodies_at_rest_are_no_trouble(kind):
    system = random_bound(3, 3, 2)
    still = System(system.mass, system.position, 0 * system.velocity, system.time)
    assert kind(Gravity())(still).isfinite().all()


def test_rich_features_know_the_direction_of_time():
    system = random_bound(3, 3, 2)
    back = System(system.mass, system.position, -system.velocity, system.time)
    assert (Rich(Gravity())(back) != Rich(Gravity())(system)).any(1).all()
