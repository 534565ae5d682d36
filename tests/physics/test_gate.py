"""The gate lets a step pass only before the first failure of its energy error."""

import pytest
import torch
from problems import FIELD, binaries, equal_pair, numbers, random_bound

from aitimestepper.physics.conserved import total_energy
from aitimestepper.physics.gate import Attempt, Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.kepler import binary
from aitimestepper.physics.state import System

THRESHOLD = 3e-3
GATE = Gate(FIELD, THRESHOLD)


def try_step(gate, system, dt):
    trial = gate.attempt(gate.start(system), dt)
    return trial, gate.passes(trial)


def with_error(*errors, dt=0.1):
    error = numbers(*errors)
    system = random_bound(len(errors), 2, 2)
    return Attempt(system, system.position, torch.full_like(error, dt), error, error)


def test_error_at_the_threshold_passes_and_the_next_number_fails():
    edge = numbers(THRESHOLD)
    over = torch.nextafter(edge, numbers(1.0)).item()
    assert GATE.passes(with_error(THRESHOLD, over)).tolist() == [True, False]


@pytest.mark.parametrize("error", [torch.nan, torch.inf])
def test_error_that_is_no_number_is_rejected(error):
    assert GATE.passes(with_error(0.0, error)).tolist() == [True, False]


@pytest.mark.parametrize("dt", [0.0, -1e-3, torch.nan])
def test_step_that_does_not_go_forward_is_rejected(dt):
    _, passed = try_step(GATE, equal_pair(0.5), numbers(dt))
    assert passed.tolist() == [False]


def test_probes_reject_a_far_too_long_step_that_ends_by_luck_at_the_right_energy():
    """From apocentre at e = 0.5 good steps end at 0.70; 1.3 is right at its end and only there."""
    apocentre, dt = equal_pair(0.5, torch.pi), numbers(1.3)
    lucky, passed_at_the_end = try_step(Gate(FIELD, THRESHOLD, probes=1), apocentre, dt)
    probed, passed_all = try_step(Gate(FIELD, THRESHOLD, probes=4), apocentre, dt)
    assert lucky.error < THRESHOLD < probed.error
    assert passed_at_the_end.tolist() == [True]
    assert passed_all.tolist() == [False]


@pytest.mark.parametrize("probes", [1, 4, 7])
def test_error_is_the_worst_of_separately_taken_steps(probes):
    system, revolution = binaries()
    dt, begin = revolution / 30, total_energy(system, FIELD)
    errors = [
        (total_energy(leapfrog(system, dt * k / probes, FIELD).system, FIELD) - begin) / begin
        for k in range(1, probes + 1)
    ]
    trial, _ = try_step(Gate(FIELD, THRESHOLD, probes=probes), system, dt)
    torch.testing.assert_close(trial.error, torch.stack(errors).abs().amax(0))


@pytest.mark.parametrize("probes", [1, 4])
def test_step_it_hands_on_is_the_whole_one(probes):
    system, revolution = binaries()
    trial, _ = try_step(Gate(FIELD, THRESHOLD, probes=probes), system, revolution / 30)
    whole = leapfrog(system, revolution / 30, FIELD)
    assert all(map(torch.equal, trial.system, whole.system))
    assert torch.equal(trial.acceleration, whole.acceleration)
    assert torch.equal(trial.dt, revolution / 30)


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_every_system_is_judged_alone_as_in_company(bodies):
    system = random_bound(5, bodies, 3)
    dt = torch.linspace(0.001, 0.1, 5, dtype=torch.float64)
    together, _ = try_step(GATE, system, dt)
    for b in range(5):
        row = slice(b, b + 1)
        alone, _ = try_step(GATE, system[row], dt[row])
        assert torch.equal(alone.error, together.error[row])
        assert all(map(torch.equal, alone.system, together.system[row]))


def test_one_hard_orbit_does_not_reject_its_easy_neighbours():
    system, revolution = binaries()
    dt = torch.stack([revolution[0] / 300, revolution[1] * 50, revolution[2] / 3000])
    _, passed = try_step(GATE, system, dt)
    assert passed.tolist() == [True, False, True]


def test_coincident_bodies_are_rejected():
    good = random_bound(2, 2, 2)
    position = torch.stack([good.position[0], torch.zeros(2, 2, dtype=torch.float64)])
    system = System(good.mass, position, good.velocity, good.time)
    _, passed = try_step(GATE, system, numbers(1e-4, 1e-4))
    assert passed.tolist() == [True, False]


def test_empty_batch_has_nothing_to_say():
    trial, passed = try_step(GATE, random_bound(3, 2, 2)[:0], numbers())
    assert trial.error.shape == passed.shape == (0,)
    assert trial.system.position.shape == (0, 2, 2)


def test_error_is_relative_so_that_units_do_not_matter():
    mass = torch.ones(1, 2, dtype=torch.float64)
    small = binary(numbers(1.0), numbers(0.5), mass)
    large = binary(numbers(100.0), numbers(0.5), 4 * mass)
    one, _ = try_step(GATE, small, numbers(0.1))
    two, _ = try_step(GATE, large, numbers(0.1 * 1000 / 2))
    torch.testing.assert_close(one.error, two.error, rtol=1e-10, atol=0)


def test_error_does_not_shrink_on_a_moving_train():
    system = equal_pair(0.5)
    moving = System(system.mass, system.position, system.velocity + 20.0, system.time)
    rest, _ = try_step(GATE, system, numbers(0.1))
    boosted, _ = try_step(GATE, moving, numbers(0.1))
    torch.testing.assert_close(boosted.error, rest.error, rtol=1e-8, atol=0)


def test_softened_energy_judges_softened_forces():
    system, field = equal_pair(0.9), Gravity(0.5)
    trial, _ = try_step(Gate(field, THRESHOLD), system, numbers(1e-3))
    assert trial.error < 1e-6


def test_rows_of_a_start_are_the_starts_of_rows():
    system = random_bound(4, 3, 2)
    rows = torch.tensor([2, 0])
    taken, direct = GATE.start(system).take(rows), GATE.start(system[rows])
    assert all(map(torch.equal, taken.system, direct.system))
    assert all(map(torch.equal, taken[1:], direct[1:]))
