"""Every setting changes something."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any, NamedTuple

import pytest

from aitimestepper.build import build
from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig
from aitimestepper.settings.training import EvaluationSection
from aitimestepper.training.collect import collect
from aitimestepper.training.errors import AttemptsExhausted, IterationsExhausted
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import try_first
from aitimestepper.training.trainer import Training
from flows.cli_settings import known_settings
from tasks.evaluating import evaluate
from tasks.phases import collecting, generalizing, ignore
from tasks.session import opened


class Change(NamedTuple):
    """Another value of a setting, and what must be set besides for it to count."""

    value: Any
    given: dict[str, Any] = {}


TRIPLE = {"initial_conditions.kind": "triple"}
UNIFORM = {"initial_conditions.kind": "uniform"}
TIDE = {"field.tide_mass": 50.0}
CIRCLE = {**TIDE, "field.tide_path": "circle"}

HARD = {"energy_threshold": 2e-4, "orbits": 8, "steps_per_epoch": 40}

TRAINING = {
    "seed": Change(1),
    "orbits": Change(3),
    "energy_threshold": Change(1e-2),
    "steps_per_epoch": Change(7),
    "dtype": Change("float32"),
    "initial_conditions.eccentricity": Change((0.1, 0.2)),
    "initial_conditions.semi_major_axis": Change((1.0, 3.0)),
    "initial_conditions.mass_ratio": Change((0.3, 0.4)),
    "initial_conditions.total_mass": Change(2.0),
    "initial_conditions.dimensions": Change(3),
    "initial_conditions.kind": Change("triple"),
    "initial_conditions.outer_eccentricity": Change((0.3, 0.4), TRIPLE),
    "initial_conditions.outer_mass_ratio": Change((0.3, 0.4), TRIPLE),
    "initial_conditions.separation": Change((2.0, 2.5), TRIPLE),
    "initial_conditions.bodies": Change(4, UNIFORM),
    "initial_conditions.mass_range": Change((0.5, 0.6), UNIFORM),
    "initial_conditions.virial_ratio": Change((0.2, 0.3), UNIFORM),
    "initial_conditions.perturbation": Change(0.01, {"initial_conditions.kind": "figure_eight"}),
    "initial_conditions.rows": Change(
        ((1.0, 0.0, 0.0, 0.0, 0.0), (0.5, 1.0, 0.0, 0.0, 0.9)),
        {
            "initial_conditions.kind": "file",
            "initial_conditions.rows": ((1.0, 0.0, 0.0, 0.0, 0.0), (0.5, 1.0, 0.0, 0.0, 1.0)),
        },
    ),
    "initial_conditions.scale": Change(2.0),
    "initial_conditions.offset": Change(1.0),
    "initial_conditions.boost": Change(0.5),
    "field.softening": Change(0.1),
    "field.tide_mass": Change(50.0),
    "field.tide_path": Change("circle", TIDE),
    "field.tide_position": Change((5.0, 5.0), TIDE),
    "field.tide_radius": Change(7.0, CIRCLE),
    "field.tide_rate": Change(1.0, CIRCLE),
    "field.tide_phase": Change(1.0, CIRCLE),
    "field.tide_points": Change(
        ((0.0, 9.0, 1.0), (5.0, 9.0, 5.0)),
        {
            **TIDE,
            "field.tide_path": "points",
            "field.tide_points": ((0.0, 9.0, 0.0), (5.0, 9.0, 5.0)),
        },
    ),
    "integrator.kind": Change("yoshida4"),
    "integrator.substeps": Change(2),
    "gate.probes": Change(1),
    "features.kind": Change("rich"),
    "features.centre": Change((0.1,) * 6, {"features.spread": (1.0,) * 6}),
    "features.spread": Change((2.0,) * 6, {"features.centre": (0.0,) * 6}),
    "history.length": Change(2),
    "network.hidden": Change((9,)),
    "network.activation": Change("tanh"),
    "network.dropout": Change(0.3),
    "network.fourier": Change(3),
    "network.fourier_scale": Change(0.1, {"network.fourier": 3}),
    "step.eta_min": Change(1e-3),
    "step.eta_max": Change(3.0),
    "step.eta_start": Change(0.3),
    "optimizer.kind": Change("sgd"),
    "optimizer.learning_rate": Change(1e-3),
    "optimizer.slowing": Change(3.0),
    "optimizer.clip": Change(0.01),
    "optimizer.cooling": Change(5),
    "optimizer.weight_decay": Change(0.1),
    "optimizer.momentum": Change(0.5, {"optimizer.kind": "sgd"}),
    "loss.lower": Change(0.6),
    "loss.upper": Change(0.7),
    "loss.overshoot": Change(30.0),
    "loss.momentum_weight": Change(1e-3, {"loss.momentum_threshold": 1e-18}),
    "loss.momentum_threshold": Change(1e-18, {"loss.momentum_weight": 1e-3}),
    "loss.angular_momentum_weight": Change(1e-3, {"loss.angular_momentum_threshold": 1e-18}),
    "loss.angular_momentum_threshold": Change(1e-18, {"loss.angular_momentum_weight": 1e-3}),
    "generalize.batch_size": Change(24),
    "generalize.failing_size": Change(
        4, {"energy_threshold": 2e-4, "orbits": 8, "steps_per_epoch": 40}
    ),
    "generalize.margin": Change(0.86, HARD),
    "generalize.sweep_every": Change(3),
    "generalize.min_iterations": Change(20),
    "restart.periods": Change(0.05),
    "restart.at_end": Change("stop", {"restart.periods": 0.1}),
}
"""Settings that change the weights or what is recorded."""

ELSEWHERE = {
    "name": "the folder of the run",
    "epochs": "tests/flows/test_training.py",
    "device": "test_device_that_is_not_there_is_refused",
    "compile": "test_compiling_says_what_it_brings",
    "collect.max_attempts": "test_attempts_are_capped",
    "generalize.max_iterations": "test_iterations_are_capped",
    "evaluation.held_out": "test_evaluation_takes_as_many_systems_as_asked_for",
    "evaluation.report_orbits": "tests/flows/test_training.py",
    "evaluation.max_steps": "test_evaluation_takes_as_many_systems_as_asked_for",
    "evaluation.periods": "test_evaluation_takes_as_many_systems_as_asked_for",
}
"""Settings that change something else, with the test that shows it."""

BASE = {
    "orbits": 2,
    "steps_per_epoch": 6,
    "energy_threshold": 5e-3,
    "network.hidden": (8,),
    "step.eta_start": 0.6,
    "generalize.batch_size": 16,
    "generalize.failing_size": 8,
    "generalize.sweep_every": 5,
    "generalize.min_iterations": 10,
}


def config(**flat):
    """Settings from dotted names."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return RunConfig.model_validate(nested)


def trained(settings) -> Training:
    training, recorded = build(settings), Recorded()
    collecting(training, recorded, settings, 1, ignore)
    generalizing(training, recorded, settings, 1, ignore)
    return training


def fingerprint(settings) -> str:
    """Hash of everything that a training changes."""
    digest = hashlib.sha256()
    training = trained(settings)
    tensors = [*training.model.state_dict().values(), *training.orbits.system]
    for tensor in tensors:
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def test_every_setting_is_in_one_of_the_tables():
    assert sorted([*TRAINING, *ELSEWHERE]) == sorted(known_settings())


def test_same_settings_train_the_same():
    assert fingerprint(config(**BASE)) == fingerprint(config(**BASE))


@pytest.mark.parametrize("name", TRAINING)
def test_setting_changes_the_training(name):
    value, given = TRAINING[name]
    without = {**BASE, **given}
    if name in ("features.centre", "features.spread"):
        without = BASE
    assert fingerprint(config(**without)) != fingerprint(config(**{**BASE, **given, name: value}))


def test_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert build(config(**BASE, device="cpu")).model.centre.device.type == "cpu"
    with pytest.raises(UserError, match="no usable GPU"):
        build(config(**BASE, device="cuda"))


def test_compiling_says_what_it_brings(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "aitimestepper")
    calls = []

    def compile(attempt, dynamic):
        assert (attempt, dynamic) == (try_first, False)
        return lambda *given: calls.append(given) or attempt(*given)

    monkeypatch.setattr("torch.compile", compile)
    training = build(config(**BASE, compile=True))
    calls.clear()
    next(iter(collect(training, steps=1)))
    assert len(calls) == 1
    assert "torch.compile" in caplog.text
    assert "times the speed" in caplog.text


def test_attempts_are_capped():
    hard = {**BASE, "energy_threshold": 1e-6, "step.eta_start": 1.5, "collect.max_attempts": 2}
    with pytest.raises(AttemptsExhausted, match="2 attempts"):
        trained(config(**hard))


def test_iterations_are_capped(monkeypatch):
    capped = {**BASE, "generalize.max_iterations": 2, "energy_threshold": 1e-5}
    monkeypatch.setattr(Training, "update", lambda *_: None)
    settings = config(**{**capped, "step.eta_start": 0.01})
    training, recorded = build(settings), Recorded()
    collecting(training, recorded, settings, 1, ignore)
    last = training.model.network[-1]
    last.bias.data.fill_(5.0)
    with pytest.raises(IterationsExhausted, match="2 iterations"):
        generalizing(training, recorded, settings, 1, ignore)


def test_threshold_near_rounding_is_warned_of(caplog):
    build(config(**{**BASE, "dtype": "float32", "energy_threshold": 1e-5}))
    assert "within a factor 5 of what rounding alone makes in float32" in caplog.text
    caplog.clear()
    build(config(**BASE))
    assert caplog.text == ""


def test_evaluation_takes_as_many_systems_as_asked_for(artifacts, monkeypatch):
    """And follows them for as long as asked for."""
    monkeypatch.setattr("tasks.evaluating._known", lambda _: [])  # the published ones take a minute
    rows = {}
    asked = ((1, 0.25, 20_000), (2, 0.25, 20_000), (2, 0.5, 20_000), (1, 0.5, 1))
    for held_out, periods, most in asked:
        name = f"run-{held_out}-{periods}"
        evaluation = {"held_out": held_out, "periods": periods, "max_steps": most}
        evaluation["report_orbits"] = 0
        settings = config(**BASE, name=name).model_copy(
            update={"evaluation": EvaluationSection(**evaluation)}
        )
        with opened(settings) as session:
            session.collect(1)
            evaluate.fn(name)
        table = json.loads((artifacts / "runs" / name / "report" / "evaluation.json").read_text())
        rows[held_out, periods] = [r for r in table if r["case"].startswith("held-out")]
    assert {r["case"] for r in rows[1, 0.25]} == {"held-out-000"}
    assert {r["case"] for r in rows[2, 0.25]} == {"held-out-000", "held-out-001"}
    assert {r["periods"] for r in rows[2, 0.5]} == {0.5}
    assert {r["periods"] for r in rows[2, 0.25]} == {0.25}
    notes = {r["rule"]: r["note"] for r in rows[1, 0.5]}
    assert notes["oracle"].startswith("cut short after 1 ")
    assert notes["best fixed"] == ""
