"""What figures draw is what the runs did."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from problems import FIELD, binaries, equal_pair

from aitimestepper.model.rules import Fixed, FreeFall
from aitimestepper.physics.conserved import total_energy
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.report.gather import energy_series, error_ratios, path, trace
from aitimestepper.simulation.evolve import evolve
from aitimestepper.simulation.run import simulate

GATE = Gate(FIELD, 2e-4)
PERIOD = 2 * np.pi / np.sqrt(2)


def states(system, dt, count):
    """Every state of a run with a fixed step, one by one."""
    found = [system]
    for _ in range(count):
        found.append(leapfrog(found[-1], torch.tensor([dt]).double(), FIELD).system)
    return found


def blocks(system, step, until, **more):
    return evolve(system, step, GATE, until=system.time + until, **more)


def test_energy_errors_are_the_largest_of_their_bins():
    system, dt = equal_pair(0.6), PERIOD / 64
    run = blocks(system, Fixed(dt), 4 * PERIOD, block=50)
    series = energy_series("fixed", run, system, FIELD, period=PERIOD, orbits=4, points=12)
    energy = torch.cat([total_energy(s, FIELD) for s in states(system, dt, 256)]).numpy()
    error = np.abs(energy / energy[0] - 1)
    time = np.arange(257) / 64
    begins = np.concatenate([[-1], series.orbits[:-1]])
    for low, high, found in zip(begins, series.orbits, series.error, strict=True):
        inside = (time > low + 1e-9) & (time <= high + 1e-9)
        assert found == pytest.approx(error[inside].max(), abs=1e-13)
    assert series.orbits[-1] == pytest.approx(4)


def test_a_bounded_error_stays_and_the_largest_is_that_of_the_run():
    system = equal_pair(0.3)
    outcome, _ = simulate(system, FreeFall(0.1, FIELD), GATE, until=system.time + 20.0)
    run = blocks(system, FreeFall(0.1, FIELD), 20.0)
    series = energy_series("r", run, system, FIELD, period=PERIOD, orbits=20 / PERIOD)
    assert series.error.max() == pytest.approx(outcome.energy_error_max.item(), rel=1e-9)


def test_a_trace_covers_the_run_and_is_shortest_at_pericentre():
    system = equal_pair(0.8, mean_anomaly=-np.pi)
    run = blocks(system, FreeFall(0.05, FIELD), PERIOD)
    found = trace("freefall", run, GATE, pericentre=PERIOD / 2, period=PERIOD)
    assert found.time[0] == pytest.approx(-0.5)
    assert abs(found.time[found.dt.argmin()]) < 0.01
    np.testing.assert_allclose(np.diff(found.time), found.dt[:-1], rtol=1e-9, atol=1e-15)
    first = GATE.attempt(GATE.start(system), torch.tensor([found.dt[0] * PERIOD]))
    assert found.error[0] == pytest.approx(first.error.item())


def test_ratios_hold_every_step_that_was_taken():
    system, periods = binaries()
    ratio = error_ratios(evolve(system, FreeFall(0.2, FIELD), GATE, until=periods), GATE)
    outcome, _ = simulate(system, FreeFall(0.2, FIELD), GATE, until=periods)
    assert len(ratio) == outcome.steps.sum()
    assert (ratio > 1).sum() == outcome.violations.sum()
    assert ratio.max() == pytest.approx(outcome.worst_step.max().item() / GATE.threshold)


@pytest.mark.parametrize(("most", "stride"), [(1000, 1), (100, 4)])
def test_a_path_keeps_its_shape_in_bounded_memory(most, stride):
    system = equal_pair(0.5)
    found = path(blocks(system, Fixed(1 / 128), 300 / 128, block=37), most)
    every = torch.cat([s.position for s in states(system, 1 / 128, 300)]).numpy()
    np.testing.assert_allclose(found[:-1], every[:300:stride], atol=1e-12)
    np.testing.assert_allclose(found[-1], every[-1], atol=1e-12)
