"""What is committed comes back bit for bit, and nothing else does."""

import numpy as np
import pytest
import xarray
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aitimestepper.store.errors import SchemaMismatch, StoreError
from aitimestepper.store.rows import Rows
from aitimestepper.store.schema import Sizes, steps_per_chunk
from aitimestepper.store.trajectory import TrajectoryStore

few = st.integers(1, 3)
finite = st.floats(allow_nan=False, allow_infinity=False)
quick = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def recordings(draw):
    """Any rows that a store must take: -0.0, subnormal and huge numbers among them."""
    steps, orbits, bodies, dimensions = draw(st.tuples(few, few, few, few))
    scalar = (steps, orbits)
    phase = (*scalar, bodies, dimensions)
    floats = [draw(arrays("<f8", shape, elements=finite)) for shape in [phase] * 2 + [scalar] * 3]
    counts = [draw(arrays("<i4", shape)) for shape in (scalar, (steps,))]
    return Rows._make([*floats, *counts, draw(arrays("u1", scalar))])


@given(rows=recordings())
@quick
def test_round_trip_is_exact_to_the_bit(rows, tmp_path_factory, commit, bits):
    path = tmp_path_factory.mktemp("store") / "trajectory.zarr"
    _, orbits, bodies, dimensions = rows.position.shape
    mass = np.ones((orbits, bodies))
    store = TrajectoryStore.create(path, mass, dimensions, store_uuid="u", attributes={})
    commit(store, rows)
    assert bits(TrajectoryStore.open(path).rows_read, rows)
    assert bits(TrajectoryStore.load(path).rows, rows)


@given(cuts=st.lists(st.integers(0, 20), max_size=4).map(sorted))
@quick
def test_identity_does_not_depend_on_commit_sizes(cuts, create, rows, commit, tmp_path_factory):
    whole = rows(20)
    folder = tmp_path_factory.mktemp("cuts")
    store = create(folder / "pieces.zarr")
    for start, stop in zip([0, *cuts], [*cuts, 20], strict=True):
        commit(store, whole.take(slice(start, stop)))
    at_once = create(folder / "once.zarr")
    commit(at_once, whole)
    assert store.identity == at_once.identity


def test_identity_does_not_depend_on_chunks(create, rows, commit, monkeypatch):
    large = create("large.zarr")
    monkeypatch.setattr("aitimestepper.store.schema.CHUNK_BYTES", 1)
    small = create("small.zarr")
    assert zarr.open_array(small.path / "time", mode="r").chunks == (1, 3)
    for store in (large, small):
        commit(store, rows(5))
    assert large.identity == small.identity


def test_a_prefix_keeps_the_identity_it_had(create, rows, commit, bits):
    store = create()
    identities = []
    for epoch in range(4):
        commit(store, rows(3, seed=epoch), epoch)
        identities.append(store.identity)
    for epoch, identity in enumerate(identities):
        part = TrajectoryStore.load(store.path, rows=3 * (epoch + 1))
        assert part.identity == identity
        assert bits(part.rows.take(slice(3 * epoch, None)), rows(3, seed=epoch))


def test_the_sign_of_zero_counts_in_the_identity(create, rows, commit):
    positive, negative = create("positive.zarr"), create("negative.zarr")
    zeros = rows(1)._replace(dt=np.zeros((1, 3)))
    commit(positive, zeros)
    commit(negative, zeros._replace(dt=-zeros.dt))
    assert positive.identity != negative.identity
    assert np.signbit(TrajectoryStore.load(negative.path).rows.dt).all()


def test_rows_that_look_empty_are_stored_all_the_same(create, rows, commit, bits):
    """Zarr drops chunks that equal the fill value, -0.0 counting as 0.0."""
    nothing = Rows(*(np.zeros_like(array) for array in rows(2)))
    store = create()
    commit(store, nothing)
    assert bits(TrajectoryStore.load(store.path).rows, nothing)
    assert all((store.path / name).glob("c.0*") for name in Rows._fields)


@pytest.mark.usefixtures("small_chunks")
def test_open_continues_where_the_last_commit_stands(create, rows, commit, bits):
    whole = rows(30)
    store = create()
    for start in range(0, 30, 5):
        commit(store, whole.take(slice(start, start + 5)))
        store = TrajectoryStore.open(store.path)
        assert bits(store.rows_read, whole.take(slice(start + 5)))


def test_a_phase_without_rows_is_a_commit(create, rows, commit):
    store = create()
    before = commit(store, rows(2))
    after = store.commit(
        None, epoch=0, phase="generalize", checkpoint="b.pt", checkpoint_sha256="1" * 64
    )
    assert (after.rows, after.sha256) == (before.rows, before.sha256)
    assert after.key != before.key
    assert TrajectoryStore.read_only(store.path).commit == after


def test_a_new_store_has_nothing_and_says_so(create):
    store = create()
    assert store.rows_read.steps == 0
    assert (store.last.rows, store.last.epoch, store.last.phase) == (0, -1, "new")
    assert store.identity == f"a-uuid@0:{store.last.sha256}"


def test_header_tells_what_the_store_is(create):
    header, commit = TrajectoryStore.read_only(create().path)
    assert (header.uuid, header.sizes) == ("a-uuid", (3, 2, 2))
    assert header.attributes == {"settings": {"threshold": 2e-4}}
    assert commit.rows == 0


def test_zarr_and_xarray_see_the_committed_rows(create, rows, commit):
    store = create()
    commit(store, rows(7))
    group = zarr.open_group(store.path, mode="r")
    np.testing.assert_array_equal(group["position"], rows(7).position)
    data = xarray.open_zarr(store.path, consolidated=True)
    assert dict(data.sizes) == {"step": 7, "orbit": 3, "particle": 2, "axis": 2}
    assert data.velocity.dims == ("step", "orbit", "particle", "axis")
    assert data.velocity.units == "length/time"
    for name, array in rows(7)._asdict().items():
        np.testing.assert_array_equal(data[name], array)
        assert data[name].dtype == array.dtype


def test_other_sizes_are_refused_by_what_the_store_has_and_the_run_wants(create):
    path = create().path
    TrajectoryStore.open(path, orbits=3, bodies=2, dimensions=2)
    for axis, has in {"orbits": 3, "bodies": 2, "dimensions": 2}.items():
        with pytest.raises(SchemaMismatch, match=f"has {has} {axis}, this run wants 9"):
            TrajectoryStore.open(path, **{axis: 9})


def test_more_rows_than_committed_are_refused(create, rows, commit):
    store = create()
    commit(store, rows(2))
    with pytest.raises(StoreError, match="3 rows asked for, 2 are committed"):
        TrajectoryStore.load(store.path, rows=3)


def test_no_store_is_an_error_that_changes_nothing(tmp_path):
    with pytest.raises(StoreError, match="no trajectory store"):
        TrajectoryStore.open(tmp_path / "none.zarr")
    assert list(tmp_path.iterdir()) == []


def test_another_zarr_group_is_not_taken_for_a_store(tmp_path):
    zarr.create_group(tmp_path / "other.zarr")
    with pytest.raises(SchemaMismatch, match="not a trajectory store"):
        TrajectoryStore.open(tmp_path / "other.zarr")


def test_an_existing_store_is_not_replaced(create):
    create()
    with pytest.raises(StoreError, match="exists already"):
        create()


def test_reserved_attributes_are_refused(create):
    with pytest.raises(ValueError, match="commit"):
        create(attributes={"commit": {}})


@pytest.mark.parametrize(
    ("sizes", "steps"), [((16, 2, 2), 512), ((1, 2, 2), 8192), ((100_000, 2, 3), 1)]
)
def test_a_chunk_of_positions_is_about_256_kib(sizes, steps):
    assert steps_per_chunk(Sizes(*sizes)) == steps
