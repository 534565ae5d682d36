"""Only sound rows pass the door of the store."""

import numpy as np
import pytest

from aitimestepper.store.errors import SchemaMismatch, StoreError
from aitimestepper.store.trajectory import TrajectoryStore


@pytest.mark.parametrize("name", ["position", "velocity", "time", "dt", "energy_error"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_and_nothing_written(
    name, value, create, rows, commit
):
    store = create()
    bad = rows(3)
    getattr(bad, name)[2, 1] = value
    with pytest.raises(StoreError, match=f"{name}: refused {value} at {{'step': 2, 'orbit': 1"):
        commit(store, bad)
    assert TrajectoryStore.read_only(store.path).commit.rows == 0
    commit(store, rows(3))
    assert TrajectoryStore.load(store.path).rows.steps == 3


@pytest.mark.parametrize("name", ["position", "time", "attempts", "epoch", "flags"])
def test_another_shape_is_refused(name, create, rows, commit):
    bad = rows(3)._replace(**{name: getattr(rows(4), name)})
    with pytest.raises(SchemaMismatch, match="shape"):
        commit(create(), bad)


def test_values_that_fit_are_converted(create, rows, commit, bits):
    store = create()
    wide = rows(3)._replace(attempts=rows(3).attempts.astype(np.int64))
    commit(store, wide)
    assert bits(TrajectoryStore.load(store.path).rows, rows(3))


@pytest.mark.parametrize(("name", "value"), [("attempts", 2**40), ("flags", 300), ("epoch", 0.5)])
def test_values_that_do_not_fit_are_refused(name, value, create, rows, commit):
    bad = rows(3)._replace(**{name: np.full(getattr(rows(3), name).shape, value)})
    with pytest.raises(SchemaMismatch, match="do not fit"):
        commit(create(), bad)
