"""A batch of systems is built through one door and never changes."""

from dataclasses import FrozenInstanceError

import pytest
import torch
from problems import random_bound

from aitimestepper.physics.conserved import momentum
from aitimestepper.physics.state import System, assemble, centre, join, where


@pytest.mark.parametrize(
    ("mass", "position", "velocity"),
    [
        ((3,), (3, 2), (3, 2)),
        ((1, 3), (1, 3, 2), (1, 3, 3)),
        ((1, 3), (1, 2, 2), (1, 2, 2)),
        ((2, 3), (1, 3, 2), (1, 3, 2)),
    ],
)
def test_shapes_that_do_not_belong_together_are_named(mass, position, velocity):
    with pytest.raises(ValueError, match="add the axis with") as caught:
        assemble(torch.ones(mass), torch.ones(position), torch.ones(velocity))
    assert all(str(shape) in str(caught.value) for shape in (mass, position, velocity))


def test_clock_with_another_length_is_refused():
    with pytest.raises(ValueError, match="time"):
        assemble(torch.ones(1, 2), torch.ones(1, 2, 2), torch.ones(1, 2, 2), torch.zeros(2))


def test_clock_starts_at_zero():
    system = assemble(torch.ones(2, 2), torch.ones(2, 2, 3), torch.ones(2, 2, 3))
    assert torch.equal(system.time, torch.zeros(2))


def test_system_cannot_be_changed():
    system = random_bound(1, 2, 2)
    with pytest.raises(FrozenInstanceError):
        system.mass = torch.ones(1, 2)  # type: ignore[misc]


def test_where_takes_each_system_from_the_side_the_mask_says():
    one, two = random_bound(3, 2, 2, seed=1), random_bound(3, 2, 2, seed=2)
    mixed = where(torch.tensor([True, False, True]), one, two)
    for b, source in enumerate((one, two, one)):
        row = slice(b, b + 1)
        assert all(map(torch.equal, mixed[row], source[row]))


def test_where_keeps_what_blew_up_out():
    good = random_bound(2, 3, 2)
    bad = System(*(torch.full_like(tensor, torch.nan) for tensor in good))
    kept = where(torch.tensor([False, False]), bad, good)
    assert all(map(torch.equal, kept, good))


def test_repeat_lays_whole_batches_end_to_end():
    system = random_bound(3, 2, 2)
    many = system.repeat(4)
    assert len(many) == 12
    assert all(map(torch.equal, many, join([system] * 4)))


def test_join_and_slices_are_inverse():
    system = random_bound(5, 3, 3)
    assert all(map(torch.equal, join([system[:2], system[2:]]), system))


def test_centred_system_neither_sits_apart_nor_drifts():
    system = random_bound(3, 4, 3)
    moved = System(system.mass, system.position + 5, system.velocity - 3, system.time)
    back = centre(moved)
    centre_of_mass = (back.mass[..., None] * back.position).sum(1)
    for quantity in (momentum(back), centre_of_mass):
        torch.testing.assert_close(quantity, torch.zeros_like(quantity), atol=1e-12, rtol=0)
    torch.testing.assert_close(back.position.diff(dim=1), system.position.diff(dim=1))
