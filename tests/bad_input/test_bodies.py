"""A file of bodies or of cases that cannot be is one sentence that names it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from aitimestepper.folders import tracking_uri
from aitimestepper.tracking.client import connect

SIMULATE = "simulate --model fixed:0.01 --steps 2 --out o.zarr --ic"
EVALUATE = "evaluate --model fixed:0.01 --periods 0.1 --out report --cases"


def npy(array, **more):
    """An array as the bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, array, **more)
    return file.getvalue()


GOOD = np.array([[1.0, -1, 0, 0, -0.1], [1, 1, 0, 0, 0.1]])


def changed(row, column, value):
    """The good table with one number changed."""
    table = GOOD.copy()
    table[row, column] = value
    return table


HEADER = b"\x93NUMPY\x01\x00v\x00"


BODIES = {
    "empty.csv": b"",
    "blank.csv": b"\n\n \n",
    "comment.csv": b"# nothing\n",
    "header.csv": b"m,x,y,vx,vy\n",
    "one.csv": b"1,0,0,0,0\n",
    "four.csv": b"1,0,0,0\n1,1,0,0\n",
    "eight.csv": b"1,0,0,0,0,0,0,0\n1,1,0,0,0,0,0,0\n",
    "ragged.csv": b"1,0,0,0,0\n1,1,0,0\n",
    "word.csv": b"1,0,0,0,0\n1,one,0,0,0\n",
    "nan.csv": b"1,0,0,0,0\n1,nan,0,0,0\n",
    "inf.csv": b"1,0,0,0,0\n1,inf,0,0,0\n",
    "overflow.csv": b"1,0,0,0,0\n1,1e999,0,0,0\n",
    "underscore.csv": b"1,0,0,0,0\n1,1__0,0,0,0\n",
    "hex.csv": b"1,0,0,0,0\n1,0x10,0,0,0\n",
    "semicolon.csv": b"1;0;0;0;0\n1;1;0;0;0\n",
    "massless.csv": b"1,0,0,0,0\n0,1,0,0,0\n",
    "negative.csv": b"1,0,0,0,0\n-1,1,0,0,0\n",
    "twins.csv": b"1,0,0,0,0\n1,0,0,0,1\n",
    "unbound.csv": b"1,0,0,0,0\n1,1,0,0,9\n",
    "close.csv": b"1,0,0,0,0\n1,1e-200,0,0,0\n",
    "heavy.csv": b"1e300,0,0,0,0\n1e300,1,0,0,0\n",
    "binary.csv": bytes(range(128, 256)),
    "null.csv": b"1,0,0,0,0\n1,1\0,0,0,0\n",
    "bodies.dat": b"1,0,0,0,0\n1,1,0,0,0\n",
    "bodies": b"1,0,0,0,0\n1,1,0,0,0\n",
    "bodies.pkl": b"\x80\x04N.",
    "empty.npy": b"",
    "text.npy": b"hello",
    "header.npy": HEADER,
    "lying.npy": npy(GOOD).replace(b"(2, 5)", b"(2,99)"),
    "open.npy": npy(GOOD).replace(b"(2, 5), }", b"(2, 5, , "),
    "huge.npy": npy(GOOD).replace(b"(2, 5), }" + 11 * b" ", b"(2000000000000, 5), }"[:20]),
    "evil.npy": npy(GOOD).replace(b"'descr'", b"__imp__"),
    "short.npy": npy(GOOD)[:-8],
    "flat.npy": npy(GOOD.ravel()),
    "cube.npy": npy(GOOD[None]),
    "complex.npy": npy(GOOD.astype(complex)),
    "words.npy": npy(GOOD.astype(str)),
    "objects.npy": npy(np.array([[print]], dtype=object), allow_pickle=True),
    "record.npy": npy(np.zeros(2, dtype="f8,f8")),
    "none.npy": npy(np.empty((0, 5))),
    "nan.npy": npy(changed(0, 1, np.nan)),
    "massless.npy": npy(changed(1, 0, 0.0)),
    "unbound.npy": npy(changed(1, 4, 50.0)),
    "zipped.npy": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize(("name", "content"), BODIES.items(), ids=BODIES)
def test_bad_file_of_bodies(refused, folder, name, content):
    (folder / name).write_bytes(content)
    refused(f"{SIMULATE} {name}")


def elements(**changes):
    """A case of two bodies with something changed; None leaves it out."""
    given = {"a": 1.0, "e": 0.1, "q": 1.0, "total": 1.0, "start": "apocentre"} | changes
    return {"c": {"elements": {key: value for key, value in given.items() if value is not None}}}


ROWS = [[1, -1, 0, 0, -0.1], [1, 1, 0, 0, 0.1]]


def rows(table=ROWS, **more):
    """A case of a table."""
    return {"c": {"rows": table, "period": 6.0} | more}


CASES = {
    "empty": {},
    "list": [],
    "number": 3,
    "null": None,
    "text": "case",
    "case null": {"c": None},
    "case number": {"c": 3},
    "case empty": {"c": {}},
    "case text": {"c": "rows"},
    "elements null": {"c": {"elements": None}},
    "elements list": {"c": {"elements": [1, 2]}},
    "no a": elements(a=None),
    "no start": elements(start=None),
    "start": elements(start="middle"),
    "start list": elements(start=[]),
    "a zero": elements(a=0),
    "a text": elements(a="one"),
    "a list": elements(a=[1]),
    "a huge": elements(a=1e200),
    "a tiny": elements(a=1e-200),
    "a nan": elements(a=float("nan")),
    "e one": elements(e=1.0),
    "e negative": elements(e=-0.1),
    "q zero": elements(q=0),
    "q minus one": elements(q=-1),
    "total negative": elements(total=-1),
    "total infinite": elements(total=float("inf")),
    "rows null": rows(None),
    "rows empty": rows([]),
    "rows one": rows(ROWS[:1]),
    "rows ragged": rows([ROWS[0], [1, 2]]),
    "rows six": rows([[*row, 0] for row in ROWS]),
    "rows text": rows([["1", 0, 0, 0, 0], ROWS[1]]),
    "rows deep": rows([ROWS]),
    "rows twins": rows([ROWS[0], ROWS[0]]),
    "rows massless": rows([[0, *ROWS[0][1:]], ROWS[1]]),
    "rows unbound": rows([ROWS[0], [1, 1, 0, 0, 50.0]]),
    "rows huge": rows([[10**400, *ROWS[0][1:]], ROWS[1]]),
    "period zero": rows(period=0),
    "period negative": rows(period=-1),
    "period text": rows(period="six"),
    "period nan": rows(period=float("nan")),
    "recipe": {"c": {"recipe": "x"}},
    "recipe text": {"c": {"recipe": "x", "horizon_yr": "y"}},
}

TEXTS = {
    "nothing": b"",
    "open": b"{",
    "deep": b"[" * 100_000,
    "not text": b"\xff\xfe",
    "two": b"{}{}",
    "digits": b"1" * 5000,
}


@pytest.mark.parametrize("cases", CASES.values(), ids=CASES)
def test_bad_case(refused, folder, cases):
    (folder / "cases.json").write_text(json.dumps(cases))
    refused(f"{EVALUATE} cases.json")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_bad_case_file(refused, folder, text):
    (folder / "cases.json").write_bytes(text)
    refused(f"{EVALUATE} cases.json")


@pytest.mark.parametrize(
    "out", ["file", "file/below", "n" * 300, "n/" * 2500 + "o", "/proc/none/o", "report.zarr"]
)
@pytest.mark.parametrize("line", [SIMULATE + " good.csv", EVALUATE + " good.json"])
def test_bad_place_for_the_result(refused, folder, line, out):
    (folder / "good.csv").write_text("1,-1,0,0,-0.1\n1,1,0,0,0.1\n")
    (folder / "good.json").write_text(json.dumps(elements()))
    (folder / "file").write_text("mine")
    (folder / "report.zarr").write_text("mine")
    refused([*line.replace("--out o.zarr", "").replace("--out report", "").split(), "--out", out])


@pytest.mark.parametrize(
    "model",
    [
        *("fixed:", "fixed:0", "fixed:-1", "fixed:nan", "fixed:inf", "fixed:x", "fixed:1:2"),
        *("freefall:0", "aarseth:", "oracle:0", "magic:1", "", " ", "nope", "nope.pt", "a/b"),
        *("../x", "/", ".", "models:/", "models:/x", "models:/x/1", "models:/../1", "models:/x@"),
        *("runs:/", "runs:/0/x", "runs:/../x", "models:/m-0", "models:/a/b/c"),
    ],
)
def test_bad_model(refused, model):
    if model.startswith(("models:", "runs:")):
        connect(tracking_uri()).search_experiments()  # makes the database
    refused(
        [
            *["simulate", "--case", "kepler-e0.5", "--steps", "2", "--out", "o.zarr", "--model"],
            model,
        ]
    )
