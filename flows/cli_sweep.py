"""The command `sweep`: many trainings from one file of settings, and the best of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from typing import TYPE_CHECKING

from aitimestepper.errors import UserError

from .cli_options import Options, nearest, positive_count, write_json
from .stopping import ends_within

if TYPE_CHECKING:
    from aitimestepper.settings import RunConfig
    from aitimestepper.settings.sweep import SweepConfig

    from .sweep import SweepReport

_VARY = (
    'a setting to vary, as often as wanted: optimizer.learning_rate="log 1e-4..1e-2", '
    'orbits=8..64, "network.hidden=[64]|[64,64]"; without any, seeds vary'
)


def run(argv: Sequence[str]) -> int:
    """Sweep, and print the best trial and where its model is."""
    given = _parser().read(list(argv))
    if given is None:
        return 0
    with redirect_stdout(sys.stderr), ends_within():
        report = _swept(_options(given))
    if given.json:
        write_json(report.model_dump())
    else:
        sys.stdout.write(_conclusion(report))
    return 0


def _parser() -> Options:
    parser = Options("sweep", "Train many settings or seeds; the same name continues a sweep.")
    add = parser.add_argument
    add("--config", metavar="FILE.toml", help="settings of every trial; a table [vary] as --vary")
    add("--name", required=True, help="name of the sweep; its runs are NAME-0000 and so on")
    add("--trials", type=positive_count, default=20, metavar="N", help="trials in all")
    add("--vary", action="append", default=[], metavar="SETTING=VALUES", help=_VARY)
    add("--objective", default="steps_over_oracle", help="steps_over_oracle, evaluations or "
        "energy_error: the median over held-out systems to make small")  # fmt: skip
    add("--penalty", type=_penalty, default=10.0, metavar="X",
        help="weight of the share of steps that the gate would refuse")  # fmt: skip
    add("--pruner", default="median", help="median or none: how hopeless trials are cut short")
    add("--runner", default="threads", help="threads, dask or ray: where trials run")
    add("--workers", type=positive_count, default=1, metavar="N", help="trials at once")
    return parser


def _penalty(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" should be a finite number, 0 or greater')
    return number


def _options(given: argparse.Namespace) -> SweepConfig:
    """Base settings and what varies, from the file and the command line."""
    from aitimestepper.settings.sweep import SweepConfig

    from .cli_places import File, read_file
    from .cli_settings import known_settings, run_config

    file = read_file(given.config) if given.config else {}
    vary = {k.removeprefix("vary."): str(v) for k, v in file.items() if k.startswith("vary.")}
    vary |= dict(map(_assignment, given.vary))
    for name in vary:
        if name not in known_settings():
            near = nearest(name, known_settings())
            raise UserError(f"There is no setting {name} to vary; the nearest is {near}.")
    settings = {key: value for key, value in file.items() if not key.startswith("vary.")}
    told = vars(given)
    rest = {key: told[key] for key in SweepConfig.model_fields if key in told and key != "vary"}
    base = run_config({"name": given.name}, File(settings, given.config))
    _check_space(vary, base)
    return SweepConfig(base=base, vary=vary, **rest)


def _check_space(vary: dict[str, str], base: RunConfig) -> None:
    """Refuse what cannot vary before a server is started."""
    try:
        from tasks.space import space_of
    except ImportError:
        raise UserError(
            "A sweep needs Optuna; `pip install aitimestepper[sweep]` brings it."
        ) from None
    space_of(vary, base)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, values = text.partition("=")
    if not equals:
        raise UserError(f'--vary "{text}" lacks its values, as in --vary seed=1..9.')
    return name.strip().replace("-", "_"), values


def _swept(options: SweepConfig) -> SweepReport:
    """Run the flow, with a Prefect server of its own if none is there."""
    from aitimestepper.folders import artifacts

    from .embedded import embedded_server
    from .served import joined

    with ExitStack() as stack:
        stack.enter_context(joined(artifacts()))
        server = stack.enter_context(embedded_server(artifacts() / "prefect"))
        from .draining import draining
        from .sweep import sweep_flow
        from .terminal import quiet_console

        quiet_console()
        server.wait()
        stack.enter_context(draining())
        return sweep_flow(options.runner, options.workers)(**dict(options))


def _conclusion(report: SweepReport) -> str:
    given = ", ".join(f"{key} {value}" for key, value in report.settings.items())
    return (
        f"{report.complete} trials complete, {report.pruned} cut short, {report.failed} failed\n"
        f"Best   {report.best}: {report.value:.4g} with {given}\n"
        f"Model  {report.model}\n"
    )
