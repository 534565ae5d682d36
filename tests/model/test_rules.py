"""Classical rules propose what their formulas say."""

import math

import pytest
import torch
from problems import FIELD, binaries, equal_pair, numbers, random_bound

from aitimestepper.model.rules import Aarseth, Fixed, FreeFall
from aitimestepper.physics.kepler import binary, period
from aitimestepper.physics.state import System
from aitimestepper.physics.timescales import free_fall_time

# The first forward-mode derivative makes PyTorch 2.13 compile some of its own code the old way.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")


def scaled(system, length, mass):
    """The system in other units that keep G = 1."""
    speed = (mass / length) ** 0.5
    return System(
        mass * system.mass, length * system.position, speed * system.velocity, system.time
    )


def test_fixed_step_is_the_same_everywhere():
    assert torch.equal(Fixed(0.25)(random_bound(3, 2, 2)), numbers(0.25, 0.25, 0.25))


def test_fixed_steps_can_differ_from_system_to_system():
    assert torch.equal(Fixed(numbers(0.1, 0.2, 0.3))(random_bound(3, 2, 2)), numbers(0.1, 0.2, 0.3))


def test_free_fall_step_is_eta_of_the_free_fall_time():
    system, eta = random_bound(2, 3, 2), numbers(0.1, 0.4)
    torch.testing.assert_close(FreeFall(eta, FIELD)(system), eta * free_fall_time(system, FIELD))


def test_aarseth_step_on_a_circle_is_eta_of_a_radian():
    """There the acceleration turns at the rate of the orbit: |a| / |da/dt| = P / (2 pi)."""
    axis, mass = numbers(1.0, 3.0), torch.tensor([[1.0, 1.0], [2.0, 0.1]]).double()
    system = binary(axis, numbers(0.0, 0.0), mass, mean_anomaly=numbers(0.3, 2.0))
    expected = 0.1 * period(axis, mass) / (2 * math.pi)
    torch.testing.assert_close(Aarseth(0.1, FIELD)(system), expected)


def test_aarseth_step_agrees_with_the_jerk_by_its_formula():
    system = random_bound(4, 3, 3)
    jerk = torch.zeros_like(system.position)
    for i in range(3):
        for j in range(3):
            if i != j:
                x = system.position[:, j] - system.position[:, i]
                v = system.velocity[:, j] - system.velocity[:, i]
                r, xv = x.norm(dim=-1, keepdim=True), (x * v).sum(-1, keepdim=True)
                jerk[:, i] += system.mass[:, j, None] * (v / r**3 - 3 * xv * x / r**5)
    expected = (FIELD.acceleration(system).norm(dim=-1) / jerk.norm(dim=-1)).amin(-1)
    torch.testing.assert_close(Aarseth(1.0, FIELD)(system), expected)


@pytest.mark.parametrize("rule", [Aarseth(0.1, FIELD), FreeFall(0.1, FIELD)])
@pytest.mark.parametrize(("length", "mass"), [(10.0, 1.0), (1.0, 7.0), (1e-3, 1e3)])
def test_steps_scale_as_time(rule, length, mass):
    system = random_bound(4, 3, 3)
    time = (length**3 / mass) ** 0.5
    torch.testing.assert_close(rule(scaled(system, length, mass)), time * rule(system))


def test_aarseth_step_is_shortest_at_pericentre():
    near, far = Aarseth(0.1, FIELD)(equal_pair(0.6)), Aarseth(0.1, FIELD)(equal_pair(0.6, math.pi))
    assert near < 0.3 * far


@pytest.mark.parametrize("rule", [Aarseth(0.1, FIELD), FreeFall(0.1, FIELD), Fixed(0.1)])
def test_every_system_gets_the_same_step_alone_as_in_company(rule):
    system, _ = binaries()
    for b in range(3):
        assert torch.equal(rule(system[b : b + 1]), rule(system)[b : b + 1])
