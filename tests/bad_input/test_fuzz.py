"""Whatever bytes a file holds, a reader returns sound content or raises a `UserError`.

FUZZ_EXAMPLES=20000 looks longer than the suite does.
"""

from __future__ import annotations

import io
import json
import math
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aitimestepper.bodies import check_bound, read_bodies
from aitimestepper.errors import UserError
from aitimestepper.physics.gravity import Gravity
from aitimestepper.simulation.cases import load_cases
from aitimestepper.sources import load
from aitimestepper.store import checkpoints
from aitimestepper.store.document import Document, read_document
from aitimestepper.store.trajectory import TrajectoryStore
from flows.cli_places import read_file
from flows.cli_settings import known_settings, run_config

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert", "repeat"]), st.floats(0, 1), st.binary(max_size=8)
    ),
    min_size=1,
    max_size=4,
)


def edited(data, edits):
    """Bytes with some places overwritten, cut out, inserted, or repeated."""
    for kind, where, bytes_ in edits:
        at = int(where * len(data))
        if kind == "cut":
            data = data[:at] + data[at + 1 + len(bytes_) :]
        elif kind == "repeat":
            data = data[:at] + data[max(at - 9, 0) : at] + data[at:]
        else:
            data = data[:at] + bytes_ + data[at + (len(bytes_) if kind == "set" else 0) :]
    return data


def refuses(read, *given):
    """What a reader makes of it, or None after a refusal in words."""
    try:
        return read(*given)
    except UserError as error:
        assert len(str(error)) > 20  # noqa: PT017
        return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "elements",
                    "rows",
                    "recipe",
                    "period",
                    "a",
                    "e",
                    "q",
                    "total",
                    "start",
                    "horizon_yr",
                    "source",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=24,
)
NUMBER = st.floats() | st.integers(-3, 3) | st.sampled_from([0.1, 1, "apocentre", None, [1], "x"])
CASE = st.fixed_dictionaries(
    {
        "elements": st.fixed_dictionaries(
            dict.fromkeys(["a", "e", "q", "total"], NUMBER),
            optional={"start": st.sampled_from(["apocentre", "pericentre", 3, None])},
        )
    }
) | st.fixed_dictionaries(
    {"rows": st.lists(st.lists(NUMBER, min_size=4, max_size=7), max_size=3)},
    optional={"period": NUMBER, "horizon": NUMBER, "source": NUMBER},
)


@given(cases=JSON | st.dictionaries(st.text(max_size=3), CASE | JSON, max_size=2))
@fuzzed
def test_case_files(tmp_path, cases):
    (tmp_path / "c.json").write_text(json.dumps(cases))
    for case in (refuses(load_cases, tmp_path / "c.json") or {}).values():
        assert all(bool(tensor.isfinite().all()) for tensor in case.system)
        assert (case.system.mass > 0).all()


TABLE = np.array([[1.0, -1, 0, 0, -0.1], [1, 1, 0, 0, 0.1]])


def saved():
    """A good .npy file."""
    file = io.BytesIO()
    np.save(file, TABLE)
    return file.getvalue()


def sound(path):
    """Read bodies; what is accepted is finite and has mass."""
    system = read_bodies(path)
    assert all(bool(tensor.isfinite().all()) for tensor in system)
    assert (system.mass > 0).all()
    check_bound(system, Gravity())


@pytest.mark.parametrize(
    ("name", "data"), [("b.npy", saved()), ("b.csv", b"m,x,y,u,v\n1,-1,0,0,-.1\n1,1,0,0,.1 # b\n")]
)
@given(edits=EDITS)
@fuzzed
def test_bodies(tmp_path, name, data, edits):
    (tmp_path / name).write_bytes(edited(data, edits))
    refuses(sound, tmp_path / name)


@given(rows=st.lists(st.lists(st.floats() | st.integers(), min_size=4, max_size=8), max_size=4))
@fuzzed
def test_tables_of_numbers(tmp_path, rows):
    (tmp_path / "b.txt").write_text("\n".join(" ".join(map(repr, row)) for row in rows))
    refuses(sound, tmp_path / "b.txt")


@given(edits=EDITS)
@fuzzed
def test_checkpoints(finished, tmp_path, edits):
    (good,) = (finished / "runs" / "x" / "checkpoints").glob("*.pt")
    (tmp_path / "c.pt").write_bytes(edited(good.read_bytes(), edits))
    if step := refuses(load, tmp_path / "c.pt"):
        assert all(bool(p.isfinite().all()) for p in step.rule.model.state_dict().values())


@given(
    key=st.sampled_from(
        ["settings", "bodies", "dimensions", "model", "features", "energy_threshold"]
    ),
    value=JSON,
)
@fuzzed
def test_content_of_checkpoints(finished, tmp_path, key, value):
    (good,) = (finished / "runs" / "x" / "checkpoints").glob("*.pt")
    payload = {**checkpoints.read(good), key: value}
    checkpoints.write(tmp_path, "c.pt", payload)
    refuses(load, tmp_path / "c.pt")


@given(edits=EDITS)
@fuzzed
def test_root_documents(finished, tmp_path, edits):
    data = (finished / "runs" / "x" / "trajectory.zarr" / "zarr.json").read_bytes()
    (tmp_path / "zarr.json").write_bytes(edited(data, edits))
    document = refuses(read_document, tmp_path)
    assert document is None or document.commit.rows == 2


def places(value, path=()):
    """Every place in nested dictionaries."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


@given(where=st.integers(0, 10**6), value=JSON)
@fuzzed
def test_sealed_root_documents(trained, where, value):
    """Somebody wrote nonsense and sealed it; reading all of it refuses or gives finite rows."""
    root = trained / "trajectory.zarr" / "zarr.json"
    data = root.read_bytes()
    raw = json.loads(data)
    every = list(places(raw))
    *path, last = every[where % len(every)]
    inner = raw
    for key in path:
        inner = inner[key]
    inner[last] = value
    try:
        root.write_bytes(Document(raw).sealed())
    except (ValueError, AttributeError):  # JSON has no infinity, and only objects are sealed
        return
    recorded = refuses(TrajectoryStore.load, root.parent)
    root.write_bytes(data)
    assert recorded is None or np.isfinite(recorded.rows.position).all()


TOML = b"epochs = 3\nname = 'x'\nnetwork.hidden = [8, 8]\n[loss]\nlower = 0.4\nupper = 0.8\n"


@given(edits=EDITS)
@fuzzed
def test_settings_files(tmp_path, edits):
    (tmp_path / "r.toml").write_bytes(edited(TOML, edits))
    refuses(read_file, str(tmp_path / "r.toml"))
    refuses(run_config, {}, str(tmp_path / "r.toml"), {"HOME": "/"})


@given(key=st.sampled_from(sorted(known_settings())), value=st.text() | st.floats().map(repr))
@fuzzed
def test_options(key, value):
    config = refuses(run_config, {key: value}, None, {"HOME": "/"})
    assert config is None or all(
        math.isfinite(number) for number in config.loss.model_dump().values()
    )
