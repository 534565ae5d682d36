"""A file of bodies becomes exactly that system, or one sentence about its first mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aitimestepper.bodies import check_bound, read_bodies
from aitimestepper.errors import UserError
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.state import assemble

PLANE = [[1.0, -0.5, 0.25, 0.125, -0.5], [2.0, 0.5, 0.0, -0.25, 0.1]]
SPACE = [[1.0, 1, 2, 3, 4, 5, 6], [2.0, 7, 8, 9, 10, 11, 1 / 3], [3.0, 0, 0, 0, 0, 0, 0]]


def written(path, table, separator=","):
    path.write_text("\n".join(separator.join(map(repr, row)) for row in table))
    return path


@pytest.mark.parametrize("table", [PLANE, SPACE], ids=["plane", "space"])
@pytest.mark.parametrize("suffix", [".npy", ".csv", ".txt"])
def test_every_bit_of_every_format_arrives(tmp_path, table, suffix):
    path = tmp_path / f"bodies{suffix}"
    if suffix == ".npy":
        np.save(path, np.array(table))
    else:
        written(path, table, "," if suffix == ".csv" else "  ")
    system = read_bodies(path)
    columns = torch.cat([system.mass[..., None], system.position, system.velocity], -1)
    assert columns.dtype == torch.float64
    assert torch.equal(columns, torch.tensor([table], dtype=torch.float64))
    assert torch.equal(system.time, torch.zeros(1, dtype=torch.float64))


def test_header_comments_and_empty_lines_are_no_bodies(tmp_path):
    path = tmp_path / "bodies.csv"
    path.write_text("# made by hand\nm,x,y,vx,vy\n\n1,0,0,0,0 # sun\n2,1,0,0,1\n,,,,\n")
    assert read_bodies(path).mass.tolist() == [[1.0, 2.0]]


def test_single_precision_and_integers_are_widened(tmp_path):
    for kind in (np.float32, np.int32):
        np.save(tmp_path / "bodies.npy", np.array([[1, 0, 0, 0, 1], [1, 1, 0, 0, 0]], kind))
        assert read_bodies(tmp_path / "bodies.npy").mass.dtype == torch.float64


def row(**changes):
    """PLANE with some numbers of its second body changed."""
    names = ["mass", "x", "y", "vx", "vy"]
    return [
        PLANE[0],
        [changes.get(name, value) for name, value in zip(names, PLANE[1], strict=True)],
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (PLANE[:1], "has 1 bodies, expected at least 2"),
        ([r[:4] for r in PLANE], "has 4 columns, expected 5 .* or 7"),
        ([[*r, 0.0] for r in PLANE], "has 6 columns, expected 5 .* or 7"),
        (row(vx=math.nan), "body 2 has nan in column 4"),
        (row(y=-math.inf), "body 2 has -inf in column 3"),
        (row(mass=0.0), "body 2 has mass 0, expected more than 0"),
        (row(mass=-1.0), "body 2 has mass -1, expected more than 0"),
        (row(x=-0.5, y=0.25), "bodies 1 and 2 are at the same place"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_bad_table_is_refused_in_words(tmp_path, table, message, suffix):
    path = tmp_path / f"bodies{suffix}"
    if suffix == ".npy":
        np.save(path, np.array(table))
    else:
        written(path, table)
    with pytest.raises(UserError, match=message):
        read_bodies(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bodies.dat", "1", r'ends in "\.dat", expected \.npy, \.txt or \.csv'),
        ("bodies.csv", "", "has 0 bodies"),
        ("bodies.csv", "1,0,0,0,0\n1,1,zero,0,0", 'line 2: "zero" is not a number'),
        ("bodies.csv", "1,0,0,0,0\n1,1,0,0", "line 2: 4 columns where the first body has 5"),
        ("bodies.npy", "hello", "is no .npy file of numbers"),
        ("bodies.csv", b"\xff\xfe\x00", "is not a text file"),
    ],
)
def test_bad_file_is_refused_in_words(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        read_bodies(path)


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no file .*gone\.csv"):
        read_bodies(tmp_path / "gone.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=r"folder\.csv cannot be read"):
        read_bodies(tmp_path / "folder.csv")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code in the file was run",))


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    np.save(tmp_path / "bodies.npy", np.array([[Bomb()]], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is no .npy file of numbers"):
        read_bodies(tmp_path / "bodies.npy")


def test_softened_bodies_may_coincide(tmp_path):
    path = written(tmp_path / "bodies.csv", row(x=-0.5, y=0.25))
    assert len(read_bodies(path, softening=0.1)) == 1


def pair(speed):
    """Two bodies of mass 1/2 at distance 1; escape takes a relative speed of sqrt(2)."""
    mass = torch.full((1, 2), 0.5, dtype=torch.float64)
    position = torch.tensor([[[-0.5, 0.0], [0.5, 0.0]]], dtype=torch.float64)
    velocity = torch.tensor([[[0.0, -speed / 2], [0.0, speed / 2]]], dtype=torch.float64)
    return assemble(mass, position, velocity)


@pytest.mark.parametrize("speed", [math.sqrt(2) * (1 - 1e-15), math.sqrt(2), 1.5])
def test_parabolic_and_unbound_systems_are_refused(speed):
    with pytest.raises(UserError, match="parabolic or unbound"):
        check_bound(pair(speed), Gravity())


@pytest.mark.parametrize("speed", [0.0, 1.0, 1.414])
def test_bound_systems_pass(speed):
    check_bound(pair(speed), Gravity())


def test_motion_of_the_whole_does_not_unbind():
    system = pair(1.0)
    system.velocity.add_(5.0)
    check_bound(system, Gravity())


def test_bodies_too_close_for_numbers_are_refused_as_such():
    system = pair(1.0)
    near = assemble(system.mass, system.position * 1e-160, system.velocity)
    for bad in (near, pair(math.nan)):
        with pytest.raises(UserError, match="no finite energy or acceleration"):
            check_bound(bad, Gravity())


def test_an_empty_field_is_no_blank(tmp_path):
    path = tmp_path / "shifted.csv"
    path.write_text("1,,0,0,0,0\n1,1,0,0,1\n")
    with pytest.raises(UserError, match='"" is not a number'):
        read_bodies(path)
