"""Every field pulls down the slope of its own energy, and a tide is what a distant mass leaves."""

import numpy as np
import pytest
import torch
from problems import FIELD, numbers, random_bound

from aitimestepper.physics.combined import Combined, Counted
from aitimestepper.physics.gravity import Field, Gravity
from aitimestepper.physics.higher_order import acceleration_and_jerk
from aitimestepper.physics.state import System, centre
from aitimestepper.physics.tide import Circle, Sampled, Still, Tide
from aitimestepper.physics.work import time_dependent

CIRCLE = Circle(radius=7.0, rate=0.4, phase=0.3)
TIMES = tuple(np.linspace(-2, 6, 81))
TABLE = Sampled(TIMES, tuple(map(tuple, CIRCLE(torch.tensor(TIMES), 3).tolist())))
FIELDS = [
    Gravity(),
    Gravity(0.3),
    Tide(50.0, Still((6.0, 3.0))),
    Tide(50.0, CIRCLE),
    Tide(50.0, TABLE),
    Combined((Gravity(0.1), Tide(50.0, CIRCLE))),
]
EVERY = pytest.mark.parametrize("field", FIELDS, ids=lambda field: str(field)[:40])
SIZES = pytest.mark.parametrize(("bodies", "dimensions"), [(2, 2), (3, 3), (5, 3)])


def at(time, *sizes, seed=0):
    system = random_bound(3, *sizes, seed=seed)
    return System(system.mass, system.position, system.velocity, system.time + numbers(*time))


@EVERY
@SIZES
def test_acceleration_is_the_slope_of_the_energy(field, bodies, dimensions):
    system = at((0.0, 0.7, -1.1), bodies, dimensions)
    x = system.position.clone().requires_grad_()
    energy = field.energy(System(system.mass, x, system.velocity, system.time)).sum()
    (slope,) = torch.autograd.grad(energy, x)
    expected = -slope / system.mass[..., None]
    torch.testing.assert_close(field.acceleration(system), expected, rtol=1e-9, atol=1e-11)
    assert isinstance(field, Field)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_tide_is_what_a_distant_mass_leaves_in_a_falling_frame(dimensions):
    """The next term of the expansion is smaller by r / R, so the error falls with the distance."""
    system = centre(at((0.0, 0.0, 0.0), 3, dimensions))
    misses = []
    for distance in (1e3, 1e4):
        place = (0.6 * distance, 0.8 * distance)
        mass = distance**3
        source = torch.tensor([*place, 0.0][:dimensions]).double()
        gap = source - system.position
        direct = mass * gap / gap.norm(dim=-1, keepdim=True) ** 3
        falling = direct - mass * source / distance**3
        found = Tide(mass, Still(place)).acceleration(system)
        misses.append((found - falling).norm() / falling.norm())
    assert misses[0] < 1e-2
    assert misses[1] / misses[0] == pytest.approx(0.1, rel=0.05)


@EVERY
def test_outer_fields_leave_the_centre_of_mass_alone(field):
    system = at((0.0, 0.7, -1.1), 4, 3)
    push = (system.mass[..., None] * field.acceleration(system)).sum(1)
    torch.testing.assert_close(push, torch.zeros_like(push), atol=1e-11, rtol=0)


def test_sampled_path_follows_what_it_was_sampled_from():
    time = torch.linspace(-1, 5, 200).double()
    torch.testing.assert_close(TABLE(time, 2), CIRCLE(time, 2), atol=1e-4, rtol=0)
    knots = torch.tensor(TIMES)
    torch.testing.assert_close(TABLE(knots, 3), CIRCLE(knots, 3), atol=1e-12, rtol=0)


def test_sampled_path_is_smooth_across_its_knots_and_ends():
    for knot in (TIMES[0], TIMES[30], TIMES[-1]):
        near = numbers(knot - 1e-7, knot + 1e-7)
        _, speed = torch.func.jvp(lambda t: TABLE(t, 2), (near,), (torch.ones_like(near),))
        torch.testing.assert_close(speed[0], speed[1], atol=1e-5, rtol=0)
    before = TABLE(numbers(-4.0, -3.0, -2.0), 2)
    torch.testing.assert_close(before[1] - before[0], before[2] - before[1])


def test_sum_is_the_sum_of_its_parts_and_knows_their_softening():
    parts = (Gravity(0.1), Tide(50.0, CIRCLE))
    system, both = at((0.0, 0.7, -1.1), 3, 2), Combined(parts)
    torch.testing.assert_close(both.energy(system), sum(p.energy(system) for p in parts))
    torch.testing.assert_close(
        both.acceleration(system), sum(p.acceleration(system) for p in parts)
    )
    assert both.softening == 0.1


def test_only_a_source_that_moves_makes_a_field_depend_on_time():
    assert [time_dependent(f) for f in FIELDS] == [False, False, False, True, True, True]
    assert not time_dependent(Combined((Gravity(), Tide(1.0, Still()))))


def test_counted_field_counts_and_changes_nothing():
    system, counted = at((0.0, 0.7, -1.1), 3, 2), Counted(Gravity(0.2))
    assert torch.equal(counted.acceleration(system), Gravity(0.2).acceleration(system))
    assert torch.equal(counted.energy(system), Gravity(0.2).energy(system))
    acceleration_and_jerk(system, counted)
    assert (counted.calls, counted.softening) == (2, 0.2)


def test_jerk_is_the_rate_of_change_of_the_acceleration():
    field, system = Combined((FIELD, Tide(50.0, CIRCLE))), at((0.0, 0.7, -1.1), 3, 2)
    _, jerk = acceleration_and_jerk(system, field)
    h = 1e-5
    ends = [
        System(system.mass, system.position + s * system.velocity, system.velocity, system.time + s)
        for s in (h, -h)
    ]
    one, two = (field.acceleration(end) for end in ends)
    torch.testing.assert_close(jerk, (one - two) / (2 * h), rtol=1e-5, atol=1e-5)
