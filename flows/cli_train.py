"""The command `train`: settings in, a training that shows its progress, its result out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aitimestepper.errors import UserError

from .cli_options import write_json
from .cli_refusals import written
from .cli_settings import known_settings, run_config
from .stopping import ends_within

if TYPE_CHECKING:
    from aitimestepper.settings import RunConfig
    from tasks.reports import TrainingReport

_HELP = """\
Usage: aitimestepper train [--config FILE.toml] [--SETTING VALUE ...] [--json]

Train a time stepper in two phases, epoch by epoch. The same name continues a run.

  --config FILE.toml   settings from a file
  --json               print one JSON object and nothing else
  --help               show this text

A setting on the command line wins over the environment (AITIMESTEPPER_EPOCHS=20, two underscores
after a section: AITIMESTEPPER_LOSS__LOWER=0.4), which wins over the file, which wins over the
default. Dashes and underscores are alike; ranges are written 0,0.9. AITIMESTEPPER_ARTIFACTS is
the folder where runs are kept.

Settings:
"""


@dataclass
class TrainOptions:
    """What was typed after `train`."""

    help: bool = False
    json: bool = False
    config: str | None = None
    settings: dict[str, str] = field(default_factory=dict)


def run(argv: Sequence[str]) -> int:
    """Train, and print how good the result is and where it lies."""
    options = parse(argv)
    if options.help:
        sys.stdout.write(_help())
        return 0
    config = run_config(options.settings, options.config)
    began = time.monotonic()
    with ends_within():
        report = _trained(config)
    seconds = time.monotonic() - began
    if options.json:
        write_json(_told(report, seconds))
    else:
        sys.stdout.write(conclusion(report))
    return 0


def _trained(config: RunConfig) -> TrainingReport:
    """Run the flow; standard output is for the result alone, whatever a library has to say."""
    from .cli_progress import shown
    from .local import check, train

    check(config)
    with redirect_stdout(sys.stderr), shown(config) as listener:
        return train(config, listener=listener)


def _told(report: TrainingReport, seconds: float) -> dict[str, Any]:
    from .cli_status import status

    return {
        **status(report.name),
        "model_version": report.model_version,
        "epochs_run": report.epochs_run,
        "resumed_from": report.resumed_from,
        "wall_seconds": seconds,
    }


def conclusion(report: TrainingReport) -> str:
    """The result table, and where the run, its store and its pages are."""
    from aitimestepper.folders import RunFolder

    folder = RunFolder(report.name)
    return (
        f"{report.evaluation.markdown()}\n"
        f"Run    {folder.path}\n"
        f"Store  {folder.store} ({report.dataset})\n"
        f"Pages  {_pages()}\n"
    )


def _pages() -> str:
    """Addresses of servers that are there, or what shows the embedded ones."""
    from aitimestepper.folders import artifacts, tracking_uri

    from .served import joined

    with joined(artifacts()):
        mlflow, prefect = tracking_uri(), os.environ.get("PREFECT_API_URL", "").removesuffix("/api")
    if not mlflow.startswith("http"):
        mlflow = f"`mlflow ui --backend-store-uri {mlflow}`"
    prefect = prefect or f"`PREFECT_HOME={artifacts() / 'prefect'} prefect server start`"
    return f"MLflow: {mlflow}; Prefect: {prefect}"


def parse(argv: Sequence[str]) -> TrainOptions:
    """Sort the words of the command line; names are checked later, beside those of other places.

    Raises:
        UserError: A word is no option, or an option lacks its value.
    """
    found, words = TrainOptions(), list(argv)
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        key = option.removeprefix("--").replace("-", "_")
        if option in ("-h", "--help"):
            found.help = True
        elif option == "--json" and not equals:
            found.json = True
        elif not option.startswith("--") or not key:
            raise UserError(_stray(word))
        else:
            _assign(found, key, value if equals else _value_of(option, words))
    return found


def _value_of(option: str, words: list[str]) -> str:
    if not words or words[0].startswith("--"):
        raise UserError(f"{option} needs a value, as in `{option} VALUE`.")
    return words.pop(0)


def _assign(options: TrainOptions, key: str, value: str) -> None:
    if key == "config":
        options.config = value
    else:
        options.settings[key] = value


def _stray(word: str) -> str:
    if word.startswith("-"):
        return f'"{word}" is no option; settings have two dashes, as in `--epochs 20`.'
    return f'"{word}" stands alone; name what it is for, as in `--name {word}`.'


def _help() -> str:
    known = {
        f"--{key.replace('_', '-')} {written(setting.default)}": setting.description or ""
        for key, setting in known_settings().items()
    }
    width = max(map(len, known))
    return _HELP + "".join(f"  {name:<{width}}  {does}\n" for name, does in known.items())
