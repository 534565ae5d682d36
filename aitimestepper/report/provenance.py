"""Where the numbers of a report come from."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from shlex import quote

from ..folders import RunFolder
from ..store.trajectory import TrajectoryStore
from .drawings import Recorded
from .page import Fact

_PACKAGES = ("aitimestepper", "torch", "numpy")


def facts(model: str, command: Sequence[str], *, threshold: float) -> list[Fact]:
    """What was judged, on what it was trained, and how to do it again.

    Arguments:
        model: Source of the rule; more is known of it where it is a run.
        command: Words that make this report.
        threshold: Energy threshold of the gate.
    """
    return [
        Fact("rule", model),
        Fact("energy threshold", f"{threshold:g} per step"),
        *_of_run(model),
        Fact("command", " ".join(map(quote, command))),
        Fact("made", datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")),
        Fact("versions", _versions()),
    ]


def recorded(model: str) -> Recorded | None:
    """What the store of a run knows of the gate's work; None where the rule is no run."""
    if (store := _store(model)) is None:
        return None
    rows = TrajectoryStore.load(store).rows
    return Recorded(rows.attempts, rows.epoch)


def _store(model: str) -> Path | None:
    """The trajectory store of a run, where `model` is the name of one."""
    if "/" in model or ":" in model or not (store := RunFolder(model).store).exists():
        return None
    return store


def _of_run(model: str) -> list[Fact]:
    if (store := _store(model)) is None:
        return []
    header, commit = TrajectoryStore.read_only(store)
    settings = json.dumps(header.attributes.get("settings", {}), indent=1)
    return [
        Fact("data set", f"{header.uuid}@{commit.rows}:{commit.sha256}"),
        Fact("trained", f"{commit.epoch} epochs, {commit.rows} steps of {header.orbits} orbits"),
        Fact("settings", settings, long=True),
    ]


def _versions() -> str:
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    return ", ".join([*packages, f"Python {platform.python_version()}, {platform.machine()}"])
