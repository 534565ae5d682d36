"""The command `automations`: crash recovery for a Prefect server that `serve` did not start."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from aitimestepper.errors import UserError

from .cli_options import Options, write_json
from .embedded import Server


def run(argv: Sequence[str]) -> int:
    """Install the automations at PREFECT_API_URL; a second time changes nothing."""
    options = Options(
        "automations",
        "Let the Prefect server at PREFECT_API_URL notice crashed runs and carry them on.",
    ).read(list(argv))
    if options is None:
        return 0
    names = _installed()
    if options.json:
        write_json(names)
    else:
        sys.stdout.write("".join(f"{name}\n" for name in names))
    return 0


def _installed() -> list[str]:
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise UserError(
            "PREFECT_API_URL names no server; set it, as in "
            "`PREFECT_API_URL=http://127.0.0.1:4200/api aitimestepper automations`."
        )
    Server(address, None).wait()
    from .automations import install
    from .deployments import RECOVERED

    return install(RECOVERED)
