"""The report is one file that needs no network, says where it comes from, and tells the truth."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from html.parser import HTMLParser

import pytest
import torch
from problems import FIELD

from aitimestepper.errors import UserError
from aitimestepper.jobs import evaluation
from aitimestepper.model.rules import FreeFall
from aitimestepper.physics.gate import Gate
from aitimestepper.report.drawings import Judged
from aitimestepper.report.page import Fact, Picture, Table, page
from aitimestepper.report.tables import small, table_of
from aitimestepper.report.writing import write_report
from aitimestepper.simulation.cases import load_cases
from aitimestepper.simulation.evaluate import Row

CASES = """{"pair": {"elements": {"a": 1, "e": 0.3, "q": 1, "total": 1, "start": "apocentre"}}}"""


def row(case, rule, **more):
    numbers = {name: 1.0 for name in Row._fields}
    return Row(**(numbers | {"case": case, "rule": rule, "violations": 0} | more))


class Reader(HTMLParser):
    """Every address in a page, and the cells of its tables."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses, self.cells, self._inside = [], [], False

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset")]
        self._inside = tag == "td"
        if self._inside:
            self.cells.append("")

    def handle_endtag(self, tag):  # noqa: ARG002
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.cells[-1] += data


@pytest.fixture
def cases(tmp_path):
    (tmp_path / "cases.json").write_text(CASES)
    return tmp_path / "cases.json"


def test_evaluate_writes_a_page_that_opens_without_a_network(tmp_path, cases):
    out = tmp_path / "a report"
    rows = evaluation("freefall:0.05", cases=cases, periods=1.0, out=out, orbits=2.0)
    text = (out / "report.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert len(reader.addresses) == 6
    for address in reader.addresses:
        kind, _, data = address.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ElementTree.fromstring(b64decode(data)).tag.endswith("svg")
    assert not re.search(r"https?://", re.sub(r'"data:[^"]*"', "", text))
    assert "prefers-color-scheme: dark" in text
    assert f"--periods 1 --orbits 2 --out &#39;{out}&#39;" in text
    assert "torch 2" in text
    for one in rows:
        assert one.rule in reader.cells
        assert small(one.energy_error_max) in reader.cells
    assert len(list(out.glob("*.png"))) == len(list(out.glob("*.svg"))) == 6


def test_rules_of_a_case_stand_together_and_violations_stand_out():
    rows = [row("a", "x"), row("b", "x"), row("a", "y", violations=2, steps=1234)]
    table = table_of(rows)
    assert [line[:2] for line in table.lines] == [["a", "x"], ["", "y"], ["b", "x"]]
    assert table.bad == [False, True, False]
    assert "2 of 1\u2009234" in table.lines[1]
    assert len(table.head) == len(table.lines[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00123, "1.2·10⁻³"), (0.0, "0"), (float("inf"), "∞"), (float("nan"), "∞"), (None, "–")],
)
def test_small_numbers_are_written_as_errors_are_quoted(value, text):
    assert small(value) == text


def test_what_comes_from_outside_is_escaped():
    evil = "<script>alert(1)</script>"
    text = page(
        evil,
        [Fact(evil, evil), Fact("settings", evil, long=True)],
        [Table(evil, [evil], [[evil]], [True], evil)],
        [Picture(evil, evil, b"<svg/>")],
    )
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 9


def test_three_bodies_get_every_figure_that_needs_no_kepler_orbit(tmp_path):
    case = load_cases()["figure-eight"]
    judged = Judged(
        "r", FreeFall(0.1, FIELD), Gate(FIELD, 2e-4), [case], [row(case.name, "r")], orbits=0.5
    )
    names = {path.stem for path in write_report(tmp_path, judged, [])}
    assert names == {"report", "work-precision", "energy", "errors", "orbits"}


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    case = load_cases()["kepler-e0.5"]
    judged = Judged("r", FreeFall(0.1, FIELD), Gate(FIELD, 2e-4), [case], [row(case.name, "r")])
    with pytest.raises(UserError, match="cannot be written"):
        write_report(tmp_path / "gone", judged, [])


def test_the_default_generator_is_left_alone(tmp_path):
    """Nothing that a report draws may change a training that goes on after it."""
    case = load_cases()["kepler-e0.5"]
    judged = Judged(
        "r", FreeFall(0.1, FIELD), Gate(FIELD, 2e-4), [case], [row(case.name, "r")], orbits=1.0
    )
    before = torch.random.get_rng_state()
    write_report(tmp_path, judged, [])
    assert torch.equal(before, torch.random.get_rng_state())
