"""Features do not change with the observer, the units or the order of the bodies."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import binaries, equal_pair, numbers, random_bound

from aitimestepper.model.features import Dimensionless
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.state import System

seeds = st.integers(0, 2**31)
bodies = st.sampled_from([2, 3])
dimensions = st.sampled_from([2, 3])
softenings = st.sampled_from([0.0, 0.2])
scales = st.floats(1e-3, 1e3)
any_system = given(seed=seeds, n=bodies, d=dimensions, softening=softenings)


def assert_same(one, two):
    torch.testing.assert_close(one, two, rtol=1e-7, atol=1e-7)


@any_system
def test_neither_place_nor_speed_of_the_observer_matters(seed, n, d, softening):
    system, features = random_bound(3, n, d, seed), Dimensionless(Gravity(softening))
    shift, boost = torch.randn(2, d, generator=torch.Generator().manual_seed(seed)).double()
    moved = System(
        system.mass, system.position + 5 * shift, system.velocity + 5 * boost, system.time + 1
    )
    assert_same(features(moved), features(system))


@any_system
def test_neither_rotation_nor_reflection_matters(seed, n, d, softening):
    system, features = random_bound(3, n, d, seed), Dimensionless(Gravity(softening))
    random = torch.randn(d, d, generator=torch.Generator().manual_seed(seed)).double()
    turn, _ = torch.linalg.qr(random)
    turned = System(system.mass, system.position @ turn, system.velocity @ turn, system.time)
    assert_same(features(turned), features(system))


@any_system
def test_order_of_the_bodies_does_not_matter(seed, n, d, softening):
    system, features = random_bound(3, n, d, seed), Dimensionless(Gravity(softening))
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).roll(1)
    exchanged = System(
        system.mass[:, order], system.position[:, order], system.velocity[:, order], system.time
    )
    assert_same(features(exchanged), features(system))


@given(seed=seeds, n=bodies, d=dimensions, softening=softenings, length=scales, mass=scales)
def test_units_do_not_matter(seed, n, d, softening, length, mass):
    """G = 1 ties the unit of time to the other two: length^3 = mass x time^2."""
    system = random_bound(3, n, d, seed)
    speed = (mass / length) ** 0.5
    scaled = System(
        mass * system.mass, length * system.position, speed * system.velocity, system.time
    )
    assert_same(
        Dimensionless(Gravity(length * softening))(scaled),
        Dimensionless(Gravity(softening))(system),
    )


@pytest.mark.parametrize("softening", [0.0, 0.2])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_size_is_that_of_the_features(n, softening):
    features = Dimensionless(Gravity(softening))
    assert features(random_bound(3, n, 3)).shape == (3, features.size(n))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_every_system_is_described_alone_as_in_company(n):
    system, features = random_bound(4, n, 3), Dimensionless(Gravity())
    for b in range(4):
        row = slice(b, b + 1)
        assert torch.equal(features(system[row]), features(system)[row])


@pytest.mark.parametrize("n", [2, 3])
def test_another_motion_is_described_otherwise(n):
    system, features = random_bound(3, n, 2), Dimensionless(Gravity())
    slower = System(system.mass, system.position, 0.9 * system.velocity, system.time)
    assert ((features(slower) - features(system)).abs().amax(-1) > 1e-3).all()


def test_first_two_of_a_pair_are_the_eccentricity_split_by_the_true_anomaly():
    """E cos f = p / r - 1 with p = a (1 - e^2), and the two together have length e."""
    system, _ = binaries(3)
    axis, eccentricity = numbers(1.0, 2.0, 0.5), numbers(0.0, 0.3, 0.6)
    features = Dimensionless(Gravity())(system)
    r = system.position.diff(dim=1)[:, 0].norm(dim=-1)
    expected = axis * (1 - eccentricity.square()) / r - 1
    torch.testing.assert_close(features[:, 0], expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(features[:, :2].norm(dim=-1), eccentricity, atol=1e-7, rtol=0)


def test_sign_tells_approach_from_departure():
    features = Dimensionless(Gravity())
    coming, going = features(equal_pair(0.5, -1.0)), features(equal_pair(0.5, 1.0))
    torch.testing.assert_close(coming[:, 1], -going[:, 1])
    assert coming[0, 1] < 0


@pytest.mark.parametrize(
    "system",
    [
        equal_pair(0.0),
        equal_pair(0.999),
        equal_pair(0.999, torch.pi),
        equal_pair(0.999, 1e-6),
        System(*(torch.zeros_like(t) if k == 2 else t for k, t in enumerate(equal_pair(0.5)))),
    ],
    ids=["circular", "pericentre", "apocentre", "past pericentre", "at rest"],
)
def test_extreme_states_have_finite_features(system):
    assert Dimensionless(Gravity())(system).isfinite().all()


def test_third_body_that_flies_past_moves_its_features_by_a_logarithm():
    """Its A grows like the distance and the square of the speed, which no network follows."""
    mass = torch.ones(1, 3, dtype=torch.float64)
    position = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1e4, 0.0]]], dtype=torch.float64)
    velocity = torch.tensor([[[0.0, -0.7], [0.0, 0.7], [0.0, 10.0]]], dtype=torch.float64)
    found = Dimensionless(Gravity())(System(mass, position, velocity, mass[:, 0]))
    assert found[0, :6].abs().max() < 20
    assert found[0, 1] == pytest.approx(torch.tensor(1e4 * 10.7**2 / 2 - 1).asinh().item(), rel=0.2)
