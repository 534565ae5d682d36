"""The command `serve`: both pages and the deployments, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .cli_options import Options, positive_count
from .stopping import stopped_by_sigterm

_STARTED = """\
Prefect      {prefect}
MLflow       {mlflow}
Deployments  two-phase-training/local, simulate/local, evaluate/local
Logs         {logs}

In another terminal:

  export PREFECT_API_URL={prefect}/api
  prefect deployment run two-phase-training/local -p name=demo -p epochs=20 --watch

Ctrl-C stops all of it.
"""
_STOPPED = "Stopped. Deployed trainings go on when it is served again.\n"


def run(argv: Sequence[str]) -> int:
    """Serve until Ctrl-C or SIGTERM, which are the regular end."""
    options = _options().read(list(argv))
    if options is None:
        return 0
    from .serving import Addresses, served, watch

    addresses = Addresses(options.host, options.prefect_port, options.mlflow_port)
    with suppress(KeyboardInterrupt), stopped_by_sigterm():
        sys.stdout.write("Starting Prefect and MLflow, which takes some 20 seconds.\n")
        with served(addresses, options.runs) as parts:
            sys.stdout.write(_started(addresses, parts))
            sys.stdout.flush()
            watch(parts)
    sys.stdout.write(_STOPPED)
    return 0


def _started(addresses: Any, parts: Sequence[Any]) -> str:
    logs = parts[0].log.parent
    return _STARTED.format(prefect=addresses.prefect, mlflow=addresses.mlflow, logs=logs)


def _options() -> Options:
    parser = Options("serve", "Serve Prefect, MLflow and the deployments in one process tree.")
    parser.add_argument("--host", default="127.0.0.1", help="interface to listen on (127.0.0.1)")
    for server, port in (("prefect", 4200), ("mlflow", 5000)):
        parser.add_argument(
            f"--{server}-port", type=positive_count, default=port, help=f"its port ({port})"
        )
    parser.add_argument(
        "--runs", type=positive_count, default=2, help="deployed runs at the same time (2)"
    )
    return parser
