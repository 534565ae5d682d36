"""No guarded step is above the threshold, whatever a rule says, and no run is endless."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import FIELD, equal_pair, random_bound

from aitimestepper.model.rules import Fixed, FreeFall
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.state import join
from aitimestepper.physics.timescales import free_fall_time
from aitimestepper.simulation.blocks import Status
from aitimestepper.simulation.evolve import evolve
from aitimestepper.simulation.run import simulate
from aitimestepper.simulation.schemes import Plain, Symmetric

GATE = Gate(FIELD, 2e-4)
TO_ROUNDING = 1 + 1e-9


class Saying:
    """A rule that says what it is told to, over and over, in free-fall times."""

    def __init__(self, words):
        self._words, self._next = words, 0

    def __call__(self, system):
        self._next += 1
        return self._words[self._next % len(self._words)] * free_fall_time(system, FIELD)


absurd = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e300, -1e300, 1e-300, 5e-324]),
    st.floats(1e-3, 1e3),
)


@given(
    words=st.lists(absurd, min_size=1, max_size=5),
    scheme=st.sampled_from([Plain(), Symmetric(), Symmetric(2)]),
    seed=st.integers(0, 20),
    bodies=st.integers(2, 4),
)
def test_no_step_is_above_the_threshold_whatever_the_rule_says(words, scheme, seed, bodies):
    system = random_bound(2, bodies, 2, seed)
    blocks = evolve(
        system, Saying(words), GATE, until=system.time + 50, max_steps=12, scheme=scheme, guard=True
    )
    for block in blocks:
        taken = block.dt != 0
        again = GATE.attempt(block.begin, block.dt.reshape(-1)).error.view(block.dt.shape)
        assert block.dt.isfinite().all()
        assert (block.dt >= 0).all()
        assert (again[taken] <= GATE.threshold * TO_ROUNDING).all()
        assert block.end.position.isfinite().all()
        assert (block.status != Status.NO_STEP).all()


def test_good_steps_pass_as_they_are():
    system, rule = equal_pair(0.6), FreeFall(0.02, FIELD)
    free, _ = simulate(system, rule, GATE, until=system.time + 4)
    kept, _ = simulate(system, rule, GATE, until=system.time + 4, guard=True)
    assert torch.equal(free.end.position, kept.end.position)
    assert kept.rejected.tolist() == [0]
    assert kept.evaluations.tolist() == [1 + 4 * kept.steps.item()]


def test_only_the_systems_that_fail_try_again():
    system = join([equal_pair(0.1), equal_pair(0.9, 2.0)])
    rule = FreeFall(torch.tensor([0.02, 0.4], dtype=torch.float64), FIELD)
    alone, _ = simulate(system[:1], FreeFall(0.02, FIELD), GATE, until=system.time[:1] + 3)
    both, _ = simulate(system, rule, GATE, until=system.time + 3, guard=True)
    assert both.rejected[0] == 0 < both.rejected[1]
    assert torch.equal(both.end.position[:1], alone.end.position)
    assert both.violations.tolist() == [0, 0]
    assert both.status.tolist() == [Status.DONE, Status.DONE]


def test_a_rejected_step_is_halved_until_it_passes():
    system = equal_pair(0.5)
    (block,) = evolve(system, Fixed(0.8), GATE, until=system.time + 9, max_steps=1, guard=True)
    tries = block.rejected.item()
    scale = free_fall_time(system, FIELD).item()
    assert block.dt.item() == pytest.approx(min(0.4, scale) / 2 ** (tries - 1))
    longer = GATE.attempt(block.begin, 2 * block.dt[0])
    assert not GATE.passes(longer)


@pytest.mark.parametrize("threshold", [0.0, 1e-18])
def test_where_rounding_alone_is_too_much_the_system_ends_with_a_status(threshold):
    gate, system = Gate(FIELD, threshold), random_bound(3, 3, 2)
    outcome, _ = simulate(system, FreeFall(0.1, FIELD), gate, until=system.time + 1, guard=True)
    assert (outcome.status == Status.STUCK).any()
    assert outcome.violations.sum() == 0
    assert outcome.end.position.isfinite().all()


def test_a_step_lost_in_rounding_ends_a_run_without_a_guard():
    system = equal_pair(0.5)
    late = type(system)(system.mass, system.position, system.velocity, system.time + 1e9)
    outcome, _ = simulate(late, Fixed(1e-9), GATE, until=late.time + 1, judge=False)
    assert outcome.status.tolist() == [Status.NO_STEP]


def test_the_guard_lands_on_the_end():
    system = equal_pair(0.7, 1.0)
    outcome, _ = simulate(system, Fixed(10.0), GATE, until=system.time + 1.7, guard=True)
    assert outcome.end.time.tolist() == [1.7]
    assert outcome.worst_step <= GATE.threshold
