"""Phase 1 records only steps that pass the gate, and trains on nothing but what failed."""

import numpy as np
import pytest
import torch

from aitimestepper.training.collect import Attempted, Transition, collect
from aitimestepper.training.errors import AttemptsExhausted
from aitimestepper.training.samples import flatten

THRESHOLD = 2e-4


def split(events):
    events = list(events)
    kinds = Attempted, Transition
    assert all(isinstance(event, kinds) for event in events)
    return ([event for event in events if isinstance(event, kind)] for kind in kinds)


def pull(mass, x):
    away = x[1] - x[0]
    unit = away / (away @ away) ** 1.5
    return np.stack([mass[1] * unit, -mass[0] * unit])


def energy(mass, x, v):
    kinetic = 0.5 * np.sum(mass * np.sum(v * v, axis=1))
    carried = 0.5 * np.sum((mass[:, None] * v).sum(0) ** 2) / mass.sum()
    return kinetic - carried - mass[0] * mass[1] / np.linalg.norm(x[1] - x[0])


def replay(mass, x, v, dt):
    """One kick-drift-kick step by hand: end position, end velocity, relative energy error."""
    half = v + 0.5 * dt * pull(mass, x)
    end = x + dt * half
    last = half + 0.5 * dt * pull(mass, end)
    return end, last, abs(energy(mass, end, last) / energy(mass, x, v) - 1)


def rows(transition):
    """Mass, position, velocity and dt of every orbit, in NumPy."""
    system = transition.samples.begin.system
    tensors = system.mass, system.position, system.velocity, transition.dt
    return zip(*(tensor.numpy() for tensor in tensors), strict=True)


def test_every_recorded_step_and_its_probes_pass_when_replayed_by_hand(start):
    _, transitions = split(collect(start(eta_start=0.5), steps=20))
    for transition in transitions:
        for (mass, x, v, dt), error in zip(rows(transition), transition.error, strict=True):
            errors = [replay(mass, x, v, k / 4 * dt)[2] for k in (1, 2, 3, 4)]
            assert max(errors) <= THRESHOLD
            assert error.item() == pytest.approx(max(errors), rel=1e-6, abs=1e-12)


def test_every_step_starts_where_the_one_before_ended(start):
    """Each orbit advances by its own dt, and its clock with it."""
    training = start()
    _, transitions = split(collect(training, steps=8))
    for now, after in zip(transitions, transitions[1:], strict=False):
        assert len(set(now.dt.tolist())) == len(now.dt)
        later = after.samples.begin.system
        for b, (mass, x, v, dt) in enumerate(rows(now)):
            if not after.fresh[b]:
                end, last, _ = replay(mass, x, v, dt)
                np.testing.assert_allclose(later.position[b].numpy(), end, rtol=0, atol=1e-13)
                np.testing.assert_allclose(later.velocity[b].numpy(), last, rtol=0, atol=1e-12)
        going = ~after.fresh
        ticked = now.samples.begin.system.time + now.dt
        assert torch.equal(later.time[going], ticked[going])


def test_as_many_steps_are_recorded_as_asked_for(start):
    training = start()
    _, transitions = split(collect(training, steps=7))
    assert [len(t.samples.begin.system) for t in transitions] == [6] * 7


def test_attempts_are_counted_from_one(start):
    attempted, transitions = split(collect(start(eta_start=0.6), steps=3))
    for step, transition in enumerate(transitions):
        rounds = [event for event in attempted if event.step == step]
        assert [event.attempt for event in rounds] == list(range(1, len(rounds) + 1))
        assert transition.attempts.min() >= 1
        assert transition.attempts.max() == len(rounds) + 1
        for event in rounds:
            assert event.failing == (transition.attempts > event.attempt).sum()
            assert event.orbits == 6
    assert attempted[0].failing > 0


def test_report_of_a_failing_round_shows_an_error_above_the_threshold(start):
    attempted, _ = split(collect(start(eta_start=0.6), steps=1))
    assert attempted
    assert all(event.worst > 1 for event in attempted)


def test_nothing_is_trained_where_everything_passes_at_once(start, weights, same):
    training = start(eta_start=1e-3)
    before = weights(training)
    attempted, transitions = split(collect(training, steps=10))
    assert same(weights(training), before)
    assert training.optimiser.updates == 0
    assert not attempted
    assert all((transition.attempts == 1).all() for transition in transitions)


def test_only_states_that_failed_are_trained_on(start, monkeypatch):
    training, seen = start(eta_start=0.6), []
    update = type(training).update

    def watch(self, samples):
        seen.append(samples)
        return update(self, samples)

    monkeypatch.setattr(type(training), "update", watch)
    attempted, (transition,) = split(collect(training, steps=1))
    assert len(seen) == len(attempted)
    for number, samples in enumerate(seen, start=1):
        failing = transition.attempts > number
        expected = flatten(transition.samples.take(failing))
        assert all(map(torch.equal, flatten(samples), expected))


def test_step_that_passed_is_not_tried_again_with_other_weights(start):
    """Orbits held in the first round keep the dt that the untrained model proposed."""
    training, untrained = start(eta_start=0.15), start(eta_start=0.15)
    _, (transition,) = split(collect(training, steps=1))
    with torch.no_grad():
        proposed = untrained.model(transition.samples.begin.system)
    first = transition.attempts == 1
    assert first.any()
    assert not first.all()
    torch.testing.assert_close(transition.dt[first], proposed[first], rtol=1e-12, atol=0)
    assert (transition.dt[~first] < proposed[~first]).all()


def test_cap_ends_the_phase_and_names_its_option(start):
    events = collect(start(eta_start=1.0), steps=1, max_attempts=2)
    seen = []
    with pytest.raises(AttemptsExhausted, match=r"--collect\.max-attempts"):
        seen.extend(events)
    assert [event.attempt for event in seen] == [1, 2]


def test_cap_that_is_not_reached_changes_nothing(start):
    _, free = split(collect(start(), steps=3))
    _, capped = split(collect(start(), steps=3, max_attempts=10_000))
    assert all(torch.equal(a.dt, b.dt) for a, b in zip(free, capped, strict=True))


def test_progress_is_visible_while_a_step_still_loops(start):
    first = next(iter(collect(start(eta_start=1.0), steps=1)))
    assert isinstance(first, Attempted)


def test_first_steps_are_fresh_and_restarts_too(start):
    training = start(periods=0.05)
    _, transitions = split(collect(training, steps=12))
    fresh = torch.stack([transition.fresh for transition in transitions])
    times = torch.stack([transition.samples.begin.system.time for transition in transitions])
    assert fresh[0].all()
    assert fresh[1:].any()
    assert not fresh.all()
    assert torch.equal(fresh, times == 0)


def test_recorded_steps_carry_no_graph(start):
    _, transitions = split(collect(start(eta_start=0.5), steps=2))
    for transition in transitions:
        assert not any(t.requires_grad for t in (*flatten(transition.samples), transition.dt))
