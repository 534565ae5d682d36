"""In a field that moves, energy changes by the work of the field and by nothing else."""

import pytest
import torch
from problems import binaries

from aitimestepper.physics.combined import Combined
from aitimestepper.physics.conserved import total_energy
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.higher_order import blanes_moan4, hermite4, yoshida4
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.tide import Circle, Still, Tide
from aitimestepper.physics.work import power, work

MOVING = Combined((Gravity(), Tide(60.0, Circle(radius=8.0, rate=0.9))))
RESTING = Combined((Gravity(), Tide(60.0, Still((8.0, 0.0)))))


def residual(integrator, steps, field=MOVING, duration=0.5):
    """Change of energy less the work, over a fixed time."""
    system = binaries()[0]
    energy, done = total_energy(system, field), torch.zeros_like(system.time)
    for _ in range(steps):
        end = integrator(system, torch.full_like(done, duration / steps), field).system
        done, system = done + work(field, system, end), end
    return total_energy(system, field) - energy, done


@pytest.mark.parametrize(
    ("integrator", "order"),
    [(leapfrog, 2), (yoshida4, 4), (blanes_moan4, 4), (hermite4, 4)],
    ids=["leapfrog", "yoshida4", "blanes_moan4", "hermite4"],
)
def test_energy_less_work_vanishes_at_the_order_of_the_integrator(integrator, order):
    misses = [torch.stack(residual(integrator, n)).diff(dim=0).abs().max() for n in (60, 120)]
    assert (misses[0] / misses[1]).log2().item() == pytest.approx(order, abs=0.35)


def test_energy_alone_is_not_conserved_in_a_moving_field():
    change, done = residual(yoshida4, 100)
    assert change.abs().max() > 1e-4
    torch.testing.assert_close(change, done, rtol=1e-4, atol=1e-9)


def test_power_is_the_change_of_energy_by_the_clock():
    system = binaries()[0]
    h = 1e-5
    later, sooner = (
        type(system)(system.mass, system.position, system.velocity, system.time + s)
        for s in (h, -h)
    )
    expected = (MOVING.energy(later) - MOVING.energy(sooner)) / (2 * h)
    torch.testing.assert_close(power(MOVING, system), expected, rtol=1e-6, atol=1e-9)


def test_gate_judges_the_integrator_and_not_the_field():
    """Exact motion would pass any threshold: the error falls with the step like leapfrog's own."""
    gate, begin = Gate(MOVING, 1e-3), binaries()[0]
    start = gate.start(begin)
    errors = [gate.attempt(start, torch.full((3,), dt).double()).error for dt in (4e-3, 2e-3)]
    assert (errors[0] / errors[1]).log2().min() > 1.7


def test_gate_that_forgot_the_work_would_blame_the_integrator(monkeypatch):
    start, dt = Gate(MOVING, 1e-3).start(binaries()[0]), torch.full((3,), 1e-4).double()
    honest = Gate(MOVING, 1e-3).attempt(start, dt).error
    monkeypatch.setattr("aitimestepper.physics.gate.time_dependent", lambda _: False)
    naive = Gate(MOVING, 1e-3).attempt(start, dt).error
    assert (naive > 10 * honest).any()


def test_resting_source_does_no_work():
    assert not work(RESTING, *(binaries()[0] for _ in range(2))).any()


def test_error_keeps_its_gradient_in_the_step():
    gate = Gate(MOVING, 1e-3)
    start, dt = gate.start(binaries()[0]), torch.full((3,), 0.01).double().requires_grad_()
    (slope,) = torch.autograd.grad(gate.attempt(start, dt).error.sum(), dt)
    h = 1e-6
    errors = [gate.attempt(start, dt.detach() + s).error for s in (h, -h)]
    torch.testing.assert_close(slope, (errors[0] - errors[1]) / (2 * h), rtol=1e-4, atol=1e-6)
