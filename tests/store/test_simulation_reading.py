"""A simulation is read at even times, between its rows too, wherever its chunks end."""

from __future__ import annotations

import numpy as np
import pytest

from aitimestepper.errors import UserError
from aitimestepper.store.simulation_file import SimulationFile
from aitimestepper.store.simulation_reading import sample

ROWS = 20_000
"""More than two chunks of the smallest systems."""


def cubic(time):
    """Position and velocity of one body, with shape (T, 1, 2)."""
    x = np.stack([1 + 2 * time - time**2, time**3 - time], -1)
    v = np.stack([2 - 2 * time, 3 * time**2 - 1], -1)
    return x[:, None], v[:, None]


@pytest.fixture
def run(tmp_path):
    """Two systems with steps of very different lengths; the second stops halfway."""
    random = np.random.default_rng(3)
    dt = np.concatenate([[0], random.uniform(1e-6, 1e-3, ROWS - 1) ** 2])
    both = np.stack([dt, np.where(np.arange(ROWS) < ROWS / 2, dt, 0)], 1)
    time = both.cumsum(0) + 0.25
    states = [cubic(column) for column in time.T]
    position, velocity = (np.stack(part, 1) for part in zip(*states, strict=True))
    error = random.uniform(0, 1, (ROWS, 2))
    with SimulationFile.create(tmp_path / "run.zarr", np.ones((2, 1)), 2, attributes={}) as file:
        for k in range(0, ROWS, 777):
            part = slice(k, k + 777)
            file.append(time[part], both[part], position[part], velocity[part], error[part])
    return tmp_path / "run.zarr", time, both, error


@pytest.mark.parametrize("system", [0, 1])
@pytest.mark.parametrize("count", [2, 100, 30_001])
def test_times_are_even_and_states_lie_on_the_curve_through_the_rows(run, system, count):
    path, time, _, _ = run
    found = sample(path, count, system=system)
    wanted = np.linspace(0.25, time[-1, system], count)
    np.testing.assert_array_equal(found.time, wanted)
    np.testing.assert_allclose(found.position, cubic(wanted)[0], atol=1e-9)


def test_between_far_rows_the_motion_is_the_cubic_through_both(tmp_path):
    time = np.array([0.0, 0.7, 1.0, 2.5])[:, None]
    x, v = (part[:, None] for part in cubic(time[:, 0]))
    with SimulationFile.create(tmp_path / "r.zarr", np.ones((1, 1)), 2, attributes={}) as file:
        file.append(time, np.ones_like(time), x, v, np.ones_like(time))
    found = sample(tmp_path / "r.zarr", 26)
    np.testing.assert_allclose(found.position, cubic(found.time)[0], atol=1e-13)


def test_dt_is_that_of_the_step_under_way_and_no_error_is_missed(run):
    path, time, dt, error = run
    found = sample(path, 100)
    rows = np.searchsorted(time[:, 0], found.time).clip(1)
    np.testing.assert_array_equal(found.dt, dt[rows, 0])
    spans = zip([0, *rows[:-1]], rows, strict=True)
    wanted = [error[begin : end + 1, 0].max() for begin, end in spans]
    assert (found.energy_error <= wanted).all()
    assert found.energy_error.max() == error[:, 0].max()


def test_a_run_that_blew_up_ends_where_it_was_last_finite(tmp_path):
    time = np.array([[0.0], [1.0], [2.0], [np.nan]])
    x, v = (part[:, None] for part in cubic(time[:, 0]))
    with SimulationFile.create(tmp_path / "r.zarr", np.ones((1, 1)), 2, attributes={}) as file:
        file.append(time, np.ones_like(time), x, v, np.ones_like(time))
    assert sample(tmp_path / "r.zarr", 5).time.tolist() == [0, 0.5, 1, 1.5, 2]


def test_what_is_no_run_to_film_is_one_sentence(run, tmp_path):
    with pytest.raises(UserError, match="systems 0 to 1, there is no system 2"):
        sample(run[0], 10, system=2)
    with pytest.raises(UserError, match="no simulation file"):
        sample(tmp_path / "gone.zarr", 10)
    with SimulationFile.create(tmp_path / "e.zarr", np.ones((1, 1)), 2, attributes={}):
        pass
    with pytest.raises(UserError, match="0 rows"):
        sample(tmp_path / "e.zarr", 10)


def test_a_damaged_chunk_is_named(run):
    path = run[0]
    chunk = sorted((path / "position").glob("c.1*"))[0]
    chunk.write_bytes(b"nothing")
    with pytest.raises(UserError, match="damaged"):
        sample(path, 10)
