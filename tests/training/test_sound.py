"""An orbit ends where rounding, not the step, would decide what passes the gate."""

import torch

from aitimestepper.physics.conserved import rounding_of_energy, total_energy
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.state import assemble
from aitimestepper.physics.timescales import free_fall_time
from aitimestepper.training.samples import sound

GATE = Gate(Gravity(), 2e-4)


def tight(distance, offset, count=400):
    """Pairs at the pericentre of an orbit of size 1, away from the origin, and a third body."""
    generator = torch.Generator().manual_seed(0)
    angle = 2 * torch.pi * torch.rand(count, generator=generator, dtype=torch.float64)
    along = torch.stack([angle.cos(), angle.sin()], -1)
    across = torch.stack([-angle.sin(), angle.cos()], -1)
    mass = torch.full((count, 3), 1 / 3, dtype=torch.float64)
    speed = (2 / 3 * (2 / distance - 1)) ** 0.5
    position = torch.stack([0.5 * distance * along, -0.5 * distance * along, 0 * along], 1)
    velocity = torch.stack([0.5 * speed * across, -0.5 * speed * across, 0 * across], 1)
    position[:, :2] += offset
    position[:, 2] -= 2 * offset
    return assemble(mass, position, velocity)


def test_rounding_is_what_the_place_of_a_tight_pair_does_to_its_energy():
    for distance in (1e-4, 1e-6):
        system = tight(distance, 5.0)
        energy = total_energy(system, GATE.field)
        exact = -1 / 18 - 2 / 9 / (15 * 2**0.5)
        made, bound = (energy - exact).abs().max(), rounding_of_energy(system).max()
        assert 0.05 * bound < made < bound


def test_only_what_can_be_judged_is_gone_on_from():
    for distance, wanted in ((1e-4, True), (1e-6, False)):
        begin = GATE.start(tight(distance, 5.0, 1))
        trial = GATE.attempt(begin, 1e-3 * free_fall_time(begin.system, GATE.field))
        assert sound(trial, GATE).tolist() == [wanted]


def test_softening_counts():
    system = tight(1e-6, 5.0)
    assert (rounding_of_energy(system, 1e-2) < 1e-6 * rounding_of_energy(system)).all()
