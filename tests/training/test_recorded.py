"""What was recorded is the concatenation of what was appended."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learners import seen
from problems import random_bound

from aitimestepper.physics.state import System, join
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import Samples, flatten, unflatten


@pytest.fixture
def prepared(start):
    """Makes samples of random pairs."""
    training = start()

    def make(count, seed=0):
        return seen(random_bound(count, 2, 2, seed), training)

    return make


def recorded_of(parts):
    recorded = Recorded()
    for part in parts:
        recorded.append(part)
    return recorded


@pytest.mark.parametrize("sizes", [[1], [3, 3, 3], [1, 50, 2, 7], [0, 4], [4, 0, 1]])
def test_taking_everything_is_the_concatenation(prepared, same, sizes):
    parts = [prepared(size, seed) for seed, size in enumerate(sizes)]
    recorded = recorded_of(parts)
    expected = [torch.cat(t) for t in zip(*map(flatten, parts), strict=True)]
    assert len(recorded) == sum(sizes)
    assert same(flatten(recorded.take(slice(None))), expected)


@given(sizes=st.lists(st.integers(0, 20), min_size=1, max_size=12), data=st.data())
def test_rows_are_those_of_the_concatenation(sizes, data):
    def part(size, seed):
        values = torch.arange(size, dtype=torch.float64) + 100 * seed
        return [values[:, None].expand(size, 2).clone(), *(values + k for k in range(7))]

    parts = [part(size, seed) for seed, size in enumerate(sizes)]
    recorded = recorded_of(map(unflatten, parts))
    total = sum(sizes)
    rows = data.draw(st.lists(st.integers(0, total - 1), max_size=9)) if total else []
    rows = torch.tensor(rows, dtype=torch.long)
    expected = [torch.cat(tensors)[rows] for tensors in zip(*parts, strict=True)]
    assert all(map(torch.equal, flatten(recorded.take(rows)), expected))


def test_slice_beyond_the_end_stops_at_the_end(prepared):
    recorded = recorded_of([prepared(5), prepared(2)])
    assert len(recorded.take(slice(4, 100)).begin.system) == 3


@pytest.mark.parametrize("row", [7, -8])
def test_row_that_was_never_recorded_is_an_error(prepared, row):
    """Spare room behind the last sample must not be handed out."""
    recorded = recorded_of([prepared(5), prepared(2)])
    with pytest.raises(IndexError):
        recorded.take(torch.tensor([row]))


def test_what_is_appended_is_copied(prepared, same):
    samples = prepared(3)
    recorded = recorded_of([samples])
    before = [tensor.clone() for tensor in flatten(recorded.take(slice(None)))]
    for tensor in flatten(samples):
        tensor.zero_()
    assert same(flatten(recorded.take(slice(None))), before)


def test_flat_samples_are_rebuilt(prepared, same):
    samples = prepared(3)
    rebuilt = unflatten(flatten(samples))
    assert isinstance(rebuilt, Samples)
    assert isinstance(rebuilt.begin.system, System)
    assert same(flatten(rebuilt), flatten(samples))


def test_preparation_does_not_depend_on_the_company(start, same):
    training = start()
    systems = [random_bound(2, 2, 2, seed) for seed in range(3)]
    together = seen(join(systems), training)
    apart = [flatten(seen(s, training)) for s in systems]
    assert same(flatten(together), [torch.cat(t) for t in zip(*apart, strict=True)])
