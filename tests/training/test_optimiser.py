"""A gradient that is not finite never reaches a weight."""

import math

import pytest
import torch
from torch import nn

from aitimestepper.training.errors import TrainingDiverged
from aitimestepper.training.optimiser import Optimiser


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(3, 1, dtype=torch.float64)


def optimiser_of(model, learning_rate, *, slowing=1e9, clip=1.0):
    return Optimiser(model, learning_rate=learning_rate, slowing=slowing, clip=clip)


def loss(model, factor=1.0):
    return factor * model(torch.ones(4, 3, dtype=torch.float64)).square().mean()


def state(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_updates_lower_the_loss(model):
    optimiser = optimiser_of(model, 0.05)
    before = loss(model).item()
    for _ in range(100):
        optimiser.update(loss(model))
    assert loss(model).item() < 1e-2 * before
    assert (optimiser.updates, optimiser.skipped) == (100, 0)


@pytest.mark.parametrize("factor", [torch.nan, torch.inf])
def test_gradient_that_is_not_finite_is_skipped_and_counted(model, same, factor):
    optimiser = optimiser_of(model, 0.1)
    optimiser.update(loss(model))
    before = state(model)
    optimiser.update(loss(model, factor))
    assert same(state(model), before)
    assert (optimiser.updates, optimiser.skipped) == (1, 1)


def test_skipped_gradient_leaves_no_trace_in_later_updates(same):
    ends = []
    for factors in ([1.0, 1.0], [1.0, torch.nan, 1.0]):
        torch.manual_seed(0)
        model = nn.Linear(3, 1, dtype=torch.float64)
        optimiser = optimiser_of(model, 0.1)
        for factor in factors:
            optimiser.update(loss(model, factor))
        ends.append(state(model))
    assert same(*ends)


def test_hundred_bad_gradients_in_a_row_end_the_training(model):
    optimiser = optimiser_of(model, 0.1)
    for _ in range(99):
        optimiser.update(loss(model, torch.nan))
    with pytest.raises(TrainingDiverged, match="optimizer.learning-rate"):
        optimiser.update(loss(model, torch.nan))


def test_one_good_gradient_begins_the_count_anew(model):
    optimiser = optimiser_of(model, 0.1)
    for _ in range(99):
        optimiser.update(loss(model, torch.nan))
    optimiser.update(loss(model))
    for _ in range(99):
        optimiser.update(loss(model, torch.nan))
    assert optimiser.skipped == 198


def test_long_gradient_is_shortened_to_the_clip(model):
    optimiser = optimiser_of(model, 0.1, clip=0.5)
    optimiser.update(loss(model, 1e9))
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert norm.item() == pytest.approx(0.5)


def test_restored_optimiser_goes_on_bit_for_bit(same):
    """The rate falls over the updates of both parts, so it must be restored too."""
    ends = []
    for interrupted in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(3, 1, dtype=torch.float64)
        optimiser = optimiser_of(model, 0.1, slowing=2.0)
        for k in range(6):
            if interrupted and k == 3:
                saved, optimiser = optimiser.state_dict(), None
                optimiser = optimiser_of(model, 0.1, slowing=2.0)
                optimiser.load_state_dict(saved)
            optimiser.update(loss(model))
        assert optimiser.updates == 6
        ends.append(state(model))
    assert same(*ends)


def test_steps_shrink_with_the_root_of_the_updates(model):
    """Adam steps by its rate while the gradient keeps its sign and size, so the moves show it."""
    optimiser = optimiser_of(model, 1e-3, slowing=4.0)
    moves = []
    for _ in range(13):
        before = state(model)[1]
        optimiser.update(model.bias.sum())
        moves.append((before - state(model)[1]).item())
    expected = [1e-3 / (1 + k / 4) ** 0.5 for k in range(13)]
    assert moves == pytest.approx(expected, rel=1e-6)


def moves_of(optimiser, model, count):
    """Rates of the next updates; Adam moves a weight of constant gradient by its rate."""
    moves = []
    for _ in range(count):
        before = state(model)[1]
        optimiser.update(model.bias.sum())
        moves.append((before - state(model)[1]).item())
    return moves


def test_cycles_of_half_a_cosine_are_twice_as_long_each(model):
    optimiser = Optimiser(model, learning_rate=1e-3, slowing=1e12, clip=1.0, cooling=2)
    turns = [0, 1 / 2, 0, 1 / 4, 2 / 4, 3 / 4, 0, 1 / 8]
    expected = [1e-3 * (0.001 + 0.999 * 0.5 * (1 + math.cos(math.pi * t))) for t in turns]
    assert moves_of(optimiser, model, 8) == pytest.approx(expected, rel=1e-6)


def test_rest_keeps_to_a_thousandth_until_it_is_warm_again(model):
    optimiser = Optimiser(model, learning_rate=1e-3, slowing=1e12, clip=1.0, cooling=4)
    optimiser.rest()
    assert moves_of(optimiser, model, 6) == pytest.approx(6 * [1e-6], rel=1e-5)
    optimiser.warm()
    assert moves_of(optimiser, model, 1) == pytest.approx([1e-3], rel=1e-6)


def test_restored_optimiser_goes_on_within_its_cosine(same):
    ends = []
    for interrupted in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(3, 1, dtype=torch.float64)
        options = {"learning_rate": 0.1, "slowing": 1e9, "clip": 1.0, "cooling": 5}
        optimiser = Optimiser(model, **options)
        for k in range(8):
            if k == 2:
                optimiser.warm()
            if k == 6:
                optimiser.rest()
            if interrupted and k == 4:
                saved, optimiser = optimiser.state_dict(), Optimiser(model, **options)
                optimiser.load_state_dict(saved)
            optimiser.update(loss(model))
        ends.append(state(model))
    assert same(*ends)


def test_skipped_gradients_do_not_count_towards_the_slowing(model):
    optimiser = optimiser_of(model, 1e-3, slowing=1.0)
    for _ in range(50):
        optimiser.update(loss(model, torch.nan))
    before = state(model)[1]
    optimiser.update(model.bias.sum())
    assert (before - state(model)[1]).item() == pytest.approx(1e-3, rel=1e-6)


def moved(model, **options):
    """Where one update with learning rate 0.1 and no clipping takes the weights."""
    optimiser = Optimiser(model, learning_rate=0.1, slowing=1e9, clip=1e9, **options)
    optimiser.update(loss(model))
    return torch.cat([p.flatten() for p in state(model)])


def gradient(model):
    parts = torch.autograd.grad(loss(model), list(model.parameters()))
    return torch.cat([p.flatten() for p in parts])


def test_sgd_moves_along_the_gradient(model):
    before, slope = torch.cat([p.flatten() for p in state(model)]), gradient(model)
    torch.testing.assert_close(moved(model, kind="sgd"), before - 0.1 * slope)


def test_sgd_with_decay_also_moves_towards_zero(model):
    before, slope = torch.cat([p.flatten() for p in state(model)]), gradient(model)
    expected = before - 0.1 * (slope + 0.3 * before)
    torch.testing.assert_close(moved(model, kind="sgd", weight_decay=0.3), expected)


def test_adamw_decays_apart_from_the_gradient(model):
    before, slope = torch.cat([p.flatten() for p in state(model)]), gradient(model)
    expected = before * (1 - 0.1 * 0.3) - 0.1 * slope.sign()
    found = moved(model, kind="adamw", weight_decay=0.3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_adam_takes_decay_as_part_of_the_gradient(model):
    before, slope = torch.cat([p.flatten() for p in state(model)]), gradient(model)
    expected = before - 0.1 * (slope + 5.0 * before).sign()
    found = moved(model, kind="adam", weight_decay=5.0)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_momentum_keeps_a_share_of_the_last_move(model):
    optimiser = Optimiser(model, learning_rate=0.1, slowing=1e9, clip=1e9, kind="sgd", momentum=0.5)
    before, first = torch.cat([p.flatten() for p in state(model)]), gradient(model)
    optimiser.update(loss(model))
    second = gradient(model)
    optimiser.update(loss(model))
    after = torch.cat([p.flatten() for p in state(model)])
    torch.testing.assert_close(after, before - 0.1 * first - 0.1 * (0.5 * first + second))
