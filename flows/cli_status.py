"""The command `status`: where a run stands, without asking any server."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder, artifacts, check_folder
from aitimestepper.store import checkpoints
from aitimestepper.store.errors import CheckpointError, StoreError
from aitimestepper.store.lock import holder
from aitimestepper.store.trajectory import Standing, TrajectoryStore

from .cli_options import Options, write_json

_KEYS = (
    *("name", "state", "epoch", "epochs", "phase", "rows", "orbits", "bodies", "dimensions"),
    *("energy_threshold", "attempts", "accepted", "passing", "dataset", "checkpoint"),
    *("mlflow_run_id", "model_version"),
)
_TRIES = 5


def run(argv: Sequence[str]) -> int:
    """Print where one run stands, or a line for each run there is."""
    parser = Options("status", "Say where a run stands, or list all runs.")
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="name of the run; all when left out"
    )
    options = parser.read(list(argv))
    if options is None:
        return 0
    if options.name is not None:
        told = status(options.name)
        write_json(told) if options.json else sys.stdout.write(_lines(told))
        return 0
    all_told = [_status_or_damage(name) for name in run_names()]
    write_json(all_told) if options.json else sys.stdout.write(_table(all_told))
    return 0


def run_names() -> list[str]:
    """Names of the runs there are.

    Raises:
        UserError: The folder of artifacts is a file.
    """
    check_folder(artifacts())
    return sorted(path.name for path in (artifacts() / "runs").glob("*") if path.is_dir())


def status(name: str) -> dict[str, Any]:
    """Where a run stands; `None` stands for what is not known yet.

    `rows` counts lockstep steps, `attempts` and `accepted` the steps of single orbits behind
    them; `passing` is known when phase 2 of the newest epoch is done.

    Raises:
        UserError: There is no such run, or it is damaged.
    """
    names = run_names()
    if name not in names:
        there = f"there are {', '.join(names)}" if names else "there is none yet"
        raise UserError(
            f'There is no run "{name}" in {artifacts()}, {there}; '
            "`aitimestepper train --name NAME` begins one."
        )
    folder = RunFolder(name)
    running = holder(folder.path) is not None
    told = dict.fromkeys(_KEYS) | {"name": name, "epoch": 0, "phase": "new", "rows": 0}
    if folder.store.exists():
        told |= _standing(folder)
    registered = _registrations(folder)
    state = "running" if running else _resting(told, registered)
    return told | {"state": state, "model_version": _version(registered)}


def _standing(folder: RunFolder) -> dict[str, Any]:
    standing, checkpoint = _consistent(folder)
    header, commit = standing
    recorded = TrajectoryStore.load(folder.store, commit.rows)
    settings = header.attributes.get("settings", {})
    if checkpoint:  # the number of epochs may have grown since the run began
        settings = json.loads(checkpoint["settings"])
    return {
        "epoch": max(commit.epoch, 0),
        "epochs": settings.get("epochs"),
        "phase": commit.phase,
        "rows": commit.rows,
        "orbits": header.orbits,
        "bodies": header.bodies,
        "dimensions": header.dimensions,
        "energy_threshold": settings.get("energy_threshold"),
        "attempts": int(recorded.rows.attempts.sum()),
        "accepted": commit.rows * header.orbits,
        "passing": _passing(checkpoint),
        "dataset": f"{header.uuid}@{commit.rows}:{commit.sha256}",
        "checkpoint": str(folder.checkpoints / commit.checkpoint) if commit.checkpoint else None,
        "mlflow_run_id": checkpoint.get("mlflow_run_id"),
    }


def _consistent(folder: RunFolder) -> tuple[Standing, Mapping[str, Any]]:
    """The commit and its checkpoint; a training may replace both while we look."""
    for _ in range(_TRIES):
        standing = TrajectoryStore.read_only(folder.store)
        commit = standing.commit
        if not commit.checkpoint:
            return standing, {}
        path = folder.checkpoints / commit.checkpoint
        try:
            return standing, checkpoints.read(path, commit.checkpoint_sha256)
        except CheckpointError:
            if TrajectoryStore.read_only(folder.store).commit == commit:
                raise
    raise StoreError(f"{folder.store}: commits faster than it can be read; ask again")


def _passing(checkpoint: Mapping[str, Any]) -> float | None:
    report = checkpoint.get("reports", {}).get("generalize")
    return None if report is None else json.loads(report)["numbers"]["passing"]


def _resting(told: Mapping[str, Any], registered: Sequence[Path]) -> str:
    """The state of a run that nobody holds; it is finished once its last commit is registered."""
    if told["phase"] == "new":
        return "new"
    if told["phase"] != "generalize" or told["epoch"] < (told["epochs"] or 0) or not registered:
        return "interrupted"
    committed = Path(told["checkpoint"]).stat().st_mtime_ns
    return "finished" if registered[-1].stat().st_mtime_ns >= committed else "interrupted"


def _registrations(folder: RunFolder) -> list[Path]:
    """Results that the task `register` left behind, the newest last."""
    return sorted(folder.results.glob("register-*"), key=lambda path: path.stat().st_mtime_ns)


def _version(registered: Sequence[Path]) -> str | None:
    """Version of the newest registered model."""
    if not registered:
        return None
    try:
        return str(json.loads(json.loads(registered[-1].read_text())["result"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None  # being written at this moment


def _status_or_damage(name: str) -> dict[str, Any]:
    """A list must not end at the first damaged run."""
    try:
        return status(name)
    except UserError as error:
        return {**dict.fromkeys(_KEYS), "name": name, "error": str(error)}


def _lines(told: Mapping[str, Any]) -> str:
    shown = {key: "-" if value is None else value for key, value in told.items()}
    return "".join(f"{key:<17} {value}\n" for key, value in shown.items())


def _table(all_told: Sequence[Mapping[str, Any]]) -> str:
    if not all_told:
        return f"No runs in {artifacts()}; `aitimestepper train` begins one.\n"
    width = max(len("name"), *(len(told["name"]) for told in all_told))
    return f"{'name':<{width}}  {'state':<11}  epoch\n" + "".join(
        f"{told['name']:<{width}}  {_row(told)}\n" for told in all_told
    )


def _row(told: Mapping[str, Any]) -> str:
    if "error" in told:
        return f"damaged      {told['error']}"
    of = told["epochs"] or "?"
    return f"{told['state']:<11}  {told['epoch']} of {of}, {told['phase']}, {told['rows']} steps"
