"""The free-fall time is that of the tightest pair."""

import math

import pytest
import torch
from problems import equal_pair, numbers, random_bound
from scipy.integrate import solve_ivp

from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.timescales import free_fall_time, pair_free_fall_time


def test_pair_at_rest_meets_in_known_times_its_free_fall_time():
    """The relative motion r'' = -M / r^2 from rest, integrated until r is a hundredth."""

    def close(_t, state):
        return state[0] - 0.01

    close.terminal = True
    fall = solve_ivp(
        lambda _t, s: [s[1], -2 / s[0] ** 2], (0, 5), [1.0, 0.0], events=close, rtol=1e-9, atol=1e-9
    )
    measured = fall.t_events[0][0]
    assert measured / free_fall_time(equal_pair(0.0), Gravity()).item() == pytest.approx(
        math.pi / (2 * math.sqrt(2)), rel=1e-3
    )


@pytest.mark.parametrize("softening", [0.0, 0.3])
def test_system_takes_the_smallest_of_its_pairs(softening):
    system = random_bound(6, 4, 3)
    expected = []
    for i in range(4):
        for j in range(i + 1, 4):
            square = (system.position[:, i] - system.position[:, j]).square().sum(-1)
            mass = system.mass[:, i] + system.mass[:, j]
            expected.append((square + softening**2) ** 0.75 / mass**0.5)
    each = torch.stack(expected, -1)
    torch.testing.assert_close(pair_free_fall_time(system, softening), each)
    torch.testing.assert_close(free_fall_time(system, Gravity(softening)), each.amin(-1))


def test_free_fall_time_of_unit_masses_at_unit_distance():
    torch.testing.assert_close(free_fall_time(equal_pair(0.0), Gravity()), numbers(0.5**0.5))
