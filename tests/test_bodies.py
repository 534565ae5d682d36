"""Bodies come from files as they were written, or with one sentence that says why not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aitimestepper.bodies import BadBodies, read_bodies
from aitimestepper.errors import UserError

PLANE = np.array([[1.0, 0.5, 0.0, 0.0, 0.25], [3.0, -0.5, 0.0, 0.0, -0.125]])
SPACE = np.array([[1.0, *range(6)], [2.0, *range(6, 12)], [0.5, *range(20, 26)]])


def written(path, content):
    """A file with an array, text or bytes in it."""
    if isinstance(content, np.ndarray):
        np.save(path, content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)
    return path


def refusal(path):
    """What the user is told: one line, with the file in it."""
    with pytest.raises(BadBodies) as caught:
        read_bodies(path)
    text = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert str(path) in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize("table", [PLANE, SPACE], ids=["2D", "3D"])
def test_columns_are_mass_position_velocity(tmp_path, table):
    system = read_bodies(written(tmp_path / "bodies.npy", table))
    d = (table.shape[1] - 1) // 2
    assert system.mass.dtype is torch.float64
    assert system.mass.tolist() == [table[:, 0].tolist()]
    assert system.position.tolist() == [table[:, 1 : 1 + d].tolist()]
    assert system.velocity.tolist() == [table[:, 1 + d :].tolist()]
    assert system.time.tolist() == [0.0]


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".CSV"])
@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", ";"])
def test_text_gives_the_bits_that_numpy_gives(tmp_path, suffix, separator):
    rows = np.random.default_rng(1).uniform(0.1, 1, (4, 7))
    lines = [separator.join(map(repr, row)) for row in rows.tolist()]
    text = "\ufeff# mass position velocity\n\n" + "\n".join(f"{line}  # a body" for line in lines)
    path = written(tmp_path / f"bodies{suffix}", text)
    expected = read_bodies(written(tmp_path / "bodies.npy", rows))
    assert all(map(torch.equal, read_bodies(path), expected))


def test_whole_numbers_are_numbers(tmp_path):
    system = read_bodies(written(tmp_path / "b.npy", np.array([[1, 0, 0, 0, 1], [1, 1, 0, 0, 0]])))
    assert system.velocity.dtype is torch.float64


def test_missing_file_is_named(tmp_path):
    assert "No such file" in refusal(tmp_path / "nowhere.npy")


def test_folder_is_no_file(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder.txt")


@pytest.mark.parametrize("name", ["bodies.hdf5", "bodies"])
def test_unknown_suffix_names_the_three(tmp_path, name):
    assert ".npy, .txt or .csv" in refusal(written(tmp_path / name, "1 2"))


@pytest.mark.parametrize("columns", [1, 4, 6, 8])
def test_wrong_number_of_columns_names_both_numbers(tmp_path, columns):
    text = refusal(written(tmp_path / "bodies.npy", np.ones((3, columns))))
    assert f"has {columns} columns" in text
    assert "5 columns in 2D or 7 in 3D" in text


def test_rows_of_unequal_length_name_the_body(tmp_path):
    assert "body 2 has 4 columns" in refusal(written(tmp_path / "b.txt", "1 0 0 0 1\n1 1 0 0\n"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 4])
def test_entries_that_are_not_finite_name_body_and_column(tmp_path, value, column):
    table = PLANE.copy()
    table[1, column] = value
    text = refusal(written(tmp_path / "bodies.npy", table))
    assert f"body 2 has {value} in column {column + 1}" in text


@pytest.mark.parametrize("mass", [0.0, -1.0])
def test_mass_must_be_positive(tmp_path, mass):
    table = PLANE.copy()
    table[1, 0] = mass
    assert f"body 2 has mass {mass:g}" in refusal(written(tmp_path / "bodies.npy", table))


@pytest.mark.parametrize("bodies", [0, 1])
def test_fewer_than_two_bodies_are_counted(tmp_path, bodies):
    assert f"holds {bodies} bodies" in refusal(written(tmp_path / "b.npy", PLANE[:bodies]))


def test_an_empty_text_holds_no_bodies(tmp_path):
    assert "holds 0 bodies" in refusal(written(tmp_path / "b.txt", "# nothing\n"))


def test_bodies_at_one_place_are_both_named(tmp_path):
    table = np.vstack([SPACE, SPACE[1]])
    assert "bodies 2 and 4 are at the same place" in refusal(written(tmp_path / "b.npy", table))


def test_a_header_is_shown_with_its_line(tmp_path):
    text = refusal(written(tmp_path / "b.csv", "mass,x,y,vx,vy\n1,0,0,0,1\n"))
    assert 'line 1: "mass,x,y,vx,vy" is not a row of numbers' in text


@pytest.mark.parametrize("shape", [(5,), (1, 2, 5)])
def test_arrays_that_are_no_table_show_their_shape(tmp_path, shape):
    assert f"has shape {shape}" in refusal(written(tmp_path / "b.npy", np.ones(shape)))


def test_complex_numbers_are_refused(tmp_path):
    assert "real numbers" in refusal(written(tmp_path / "b.npy", PLANE.astype(complex)))


def test_a_pickle_is_never_opened(tmp_path):
    np.save(tmp_path / "b.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "not a NumPy file of numbers" in refusal(tmp_path / "b.npy")


@pytest.mark.parametrize("name", ["b.npy", "b.txt"])
def test_foreign_bytes_are_refused(tmp_path, name):
    assert "not a" in refusal(written(tmp_path / name, b"\x93\xff\x00garbage"))


def test_an_empty_npy_is_refused(tmp_path):
    assert "not a NumPy file" in refusal(written(tmp_path / "b.npy", b""))
