"""A window holds the last K states of an episode, and zeros where there were none."""

import pytest
import torch
from learners import learner
from problems import FIELD, random_bound

from aitimestepper.model.history import Memoryless, Remembering, remembering
from aitimestepper.model.rules import FreeFall
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.state import join

STATE_KINDS = pytest.mark.parametrize("kind", ["dimensionless", "basic", "rich"])


def states(count, batch=3):
    """Successive states of a batch, oldest first."""
    found = [random_bound(batch, 2, 2, seed=1)]
    for _ in range(count - 1):
        found.append(leapfrog(found[-1], torch.full((batch,), 0.02).double(), FIELD).system)
    return found


def followed(model, path):
    """The window after every state but the last has been left behind."""
    window = model.begin(path[0])
    for state in path[:-1]:
        window = model.update(state, window)
    return window


@STATE_KINDS
def test_network_sees_the_present_and_the_past_newest_first(kind):
    model, path = learner(kind=kind, length=2), states(5)
    model.normalise(path[0])
    shown = model.inputs(path[-1], followed(model, path)).features
    expected = [(model.features.observe(s) - model.centre) / model.spread for s in path[:1:-1]]
    assert torch.equal(shown, torch.cat(expected, -1))


@STATE_KINDS
def test_missing_past_is_zeros_whatever_the_normalisation(kind):
    model, path = learner(kind=kind, length=3), states(2)
    model.centre.fill_(0.7)
    shown = model.inputs(path[-1], followed(model, path)).features.unflatten(1, (4, -1))
    assert shown[:, :2].any(-1).all()
    assert not shown[:, 2:].any()


def test_window_of_some_systems_is_theirs_alone():
    model, path = learner(length=2), states(4)
    window, rows = followed(model, path), torch.tensor([2, 0])
    alone = model.inputs(path[-1][rows], window.take(rows))
    together = model.inputs(path[-1], window).take(rows)
    assert torch.equal(alone.features, together.features)


def test_new_episode_has_no_past():
    model, path = learner(length=2), states(4)
    begun = torch.tensor([False, True, False])
    window = followed(model, path).cleared(begun)
    assert window.full.tolist() == [True, False, True]
    assert torch.equal(
        model.inputs(path[-1], window).features[1], model.inputs(path[-1]).features[1]
    )


def test_put_replaces_the_windows_of_some_systems():
    model, path = learner(length=2), states(4)
    old, new = followed(model, path[:2]), followed(model, path)
    rows = torch.tensor([1])
    mixed = old.put(rows, new.take(rows))
    assert torch.equal(mixed.past[1], new.past[1])
    assert torch.equal(mixed.past[[0, 2]], old.past[[0, 2]])
    assert mixed.count.tolist() == [1, 2, 1]


def test_rule_without_memory_is_carried_like_one_that_has_it():
    rule, system = FreeFall(0.1, FIELD), join(states(2))
    carried = remembering(rule)
    window = carried.update(system, carried.begin(system))
    assert torch.equal(carried.propose(system, window), rule(system))
    assert isinstance(carried, Memoryless)
    assert isinstance(learner(), Remembering)


def test_model_without_history_remembers_nothing():
    model, path = learner(), states(3)
    window = followed(model, path)
    assert window.past.numel() == 0
    assert torch.equal(model.propose(path[-1], window), model(path[-1]))
