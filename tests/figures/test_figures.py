"""Every figure shows the numbers that it was given, where they belong, with units."""

from __future__ import annotations

import matplotlib.style
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from aitimestepper.figures.attempts import attempts_over_training
from aitimestepper.figures.eccentricity import steps_against_eccentricity
from aitimestepper.figures.energy import EnergySeries, energy_over_orbits
from aitimestepper.figures.errors import error_histogram
from aitimestepper.figures.orbits import orbits
from aitimestepper.figures.pericentre import Trace, along_orbit
from aitimestepper.figures.style import COLOURS, INK, looks, save
from aitimestepper.figures.work_precision import work_precision
from aitimestepper.simulation.evaluate import Row


def row(case="a", rule="learned", **more):
    numbers = {name: 1.0 for name in Row._fields}
    return Row(**(numbers | {"case": case, "rule": rule, "violations": 0} | more))


def line(axes, label):
    (found,) = [line for line in axes.get_lines() if line.get_label() == label]
    return found.get_xydata().tolist()


def test_steps_per_period_stand_over_their_eccentricity():
    rows = [
        row("b", steps=30, periods=3.0),
        row("a", steps=40, periods=2.0, violations=1),
        row("other", steps=9),
        row("a", "oracle", steps=7),
    ]
    figure = steps_against_eccentricity(rows, {"a": 0.1, "b": 0.9})
    (axes,) = figure.axes
    assert line(axes, "learned") == [[0.1, 20.0], [0.9, 10.0]]
    (ring,) = axes.collections
    assert ring.get_offsets().tolist() == [[0.1, 20.0]]


def test_work_stands_over_the_largest_error_case_by_case():
    rows = [
        row("a", evaluations=300, periods=3.0, wall_seconds=6.0, energy_error_max=1e-3),
        row("a", evaluations=900, periods=3.0, wall_seconds=9.0, energy_error_max=1e-5),
        row("a", "blown up", energy_error_max=np.inf),
        row("b", "oracle", evaluations=50, energy_error_max=1e-4),
    ]
    first, second, third, _ = work_precision(rows).axes
    assert line(first, "learned") == [[1e-5, 300.0], [1e-3, 100.0]]
    assert line(second, "learned") == [[1e-5, 3.0], [1e-3, 2.0]]
    assert line(third, "oracle") == [[1e-4, 50.0]]
    assert "blown up" not in [shown.get_label() for shown in first.get_lines()]
    assert first.get_xlim()[0] < 1e-5 < 1e-3 < first.get_xlim()[1]


def test_energy_errors_are_drawn_and_exact_zeros_are_left_out():
    series = EnergySeries("learned", np.array([1.0, 2.0, 3.0]), np.array([1e-3, 0.0, 1e-2]))
    (axes,) = energy_over_orbits([series], "case").axes
    drawn = np.array(line(axes, "learned"))
    np.testing.assert_array_equal(drawn[:, 0], series.orbits)
    np.testing.assert_array_equal(drawn[:, 1], [1e-3, np.nan, 1e-2])
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_steps_and_their_errors_share_the_time_and_the_threshold_is_marked():
    trace = Trace("learned", np.array([-0.4, 0.0]), np.array([0.1, 0.2]), np.array([1e-5, 1e-4]))
    lengths, errors = along_orbit([trace], 2e-4, "case").axes
    assert line(lengths, "learned") == [[-0.4, 0.1], [0.0, 0.2]]
    assert line(errors, "learned") == [[-0.4, 1e-5], [0.0, 1e-4]]
    assert {y for _, y in line(errors, "threshold 0.0002")} == {2e-4}


def test_the_histogram_holds_every_step_and_counts_what_is_above():
    ratio = np.array([0.0, 1e-9, 0.5, 0.5, 0.99, 1.5, 40.0, np.nan])
    figure = error_histogram({"learned": ratio}, "cases")
    (axes,) = figure.axes
    (steps,) = axes.patches
    outline = steps.get_xy()
    right = outline[outline[:, 0] >= 1 - 1e-9][:, 1]
    assert axes.get_legend().get_texts()[0].get_text() == "learned: 3 of 8 above"
    assert right.max() == pytest.approx(100 / 8)  # 1.5 and 40 in bins of their own
    assert outline[:, 1].max() == pytest.approx(100 * 2 / 8)


def test_attempts_are_averaged_by_epoch_without_steps_that_never_were():
    attempts = np.array([[1, 3], [2, 0], [1, 1]])
    (axes,) = attempts_over_training(attempts, np.array([1, 1, 2])).axes
    assert line(axes, "mean") == [[1, 2.0], [2, 1.0]]
    assert line(axes, "largest") == [[1, 3.0], [2, 1.0]]


def test_orbits_have_equal_axes_and_space_is_seen_from_two_sides():
    position = np.random.default_rng(0).normal(size=(5, 2, 3))
    first, second = orbits(position, "case").axes
    assert first.get_aspect() == second.get_aspect() == 1
    path = first.get_lines()[0].get_xydata()
    np.testing.assert_array_equal(path, position[:, 0, :2])
    np.testing.assert_array_equal(second.get_lines()[0].get_xydata(), position[:, 0, ::2])
    assert len(orbits(position[..., :2], "case").axes) == 1


def test_every_axis_has_a_name():
    trace = Trace("learned", np.array([-0.4, 0.0]), np.array([0.1, 0.2]), np.array([1e-5, 1e-4]))
    figures = [
        steps_against_eccentricity([row()], {"a": 0.5}),
        work_precision([row()]),
        energy_over_orbits([EnergySeries("learned", np.ones(1), np.ones(1))], "case"),
        along_orbit([trace], 2e-4, "case"),
        error_histogram({"learned": np.ones(3)}, "cases"),
        attempts_over_training(np.ones((2, 2)), np.array([1, 2])),
        orbits(np.ones((3, 2, 2)), "case"),
    ]
    for figure in figures:
        assert all(axes.get_ylabel() for axes in figure.axes)
        assert figure.axes[-1].get_xlabel()


def test_rules_have_colours_of_their_own_and_the_oracle_is_black():
    found = looks([*"abcdef", "oracle", "a"])
    assert len({look["color"] for look in found.values()}) == 7
    assert found["oracle"]["color"] == INK
    assert [to_hex(c).upper() for c in COLOURS] == list(COLOURS)
    twice = looks("abcdefghijkl")
    assert len({tuple(look.values()) for look in twice.values()}) == 12


def test_a_saved_figure_is_white_on_any_page_whatever_the_users_style(tmp_path):
    with matplotlib.style.context("dark_background"):
        paths = save(orbits(np.ones((3, 2, 2)), "case"), tmp_path, "orbits")
    assert [path.name for path in paths] == ["orbits.png", "orbits.svg"]
    image = Image.open(paths[0]).convert("RGBA")
    assert image.getpixel((0, 0)) == (255, 255, 255, 255)
    assert min(image.convert("L").getextrema()) < 60


def test_the_same_figure_gives_the_same_svg(tmp_path):
    first, second = (
        save(orbits(np.ones((3, 2, 2)), "case"), tmp_path, name)[1].read_bytes() for name in "ab"
    )
    assert first == second
