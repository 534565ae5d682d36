"""The command `aitimestepper`: which command runs, and what a mistake or Ctrl-C looks like."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from aitimestepper.errors import UserError

from .stopping import INTERRUPTED


class Command(NamedTuple):
    """A command; its module is imported when it is called, and holds `run(argv) -> exit code`."""

    module: str
    does: str


COMMANDS = {
    "train": Command("cli_train", "train a time stepper; the same name continues a run"),
    "simulate": Command("cli_simulate", "follow a system with a learned or a classical step"),
    "evaluate": Command("cli_evaluate", "judge a step on the published cases"),
    "export": Command("cli_export", "write a learned step for NumPy, ONNX or torch.export"),
    "sweep": Command("cli_sweep", "train many settings or seeds and keep the best"),
    "status": Command("cli_status", "say where a run stands, or list all runs"),
    "serve": Command("cli_serve", "serve both pages and the deployments until Ctrl-C"),
    "automations": Command("cli_automations", "let a Prefect server resume crashed runs"),
}

_USAGE = "Usage: aitimestepper COMMAND [OPTIONS]\n\nLearned adaptive time steps for N-body systems."
_MORE = "`aitimestepper COMMAND --help` lists the options of a command."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Arguments:
        argv: Words after `aitimestepper`; those of this process when left out.

    Returns:
        The exit code: 0, 2 after a mistake that the user can mend, 130 after Ctrl-C.
    """
    try:
        return _dispatch(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        return _complain(str(error), 2)
    except ValueError as error:
        return _complain(_refused_by_model(error), 2)
    except KeyboardInterrupt as error:
        return _complain(str(error) or INTERRUPTED, 130)


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return 0
    name, *rest = argv
    if name not in COMMANDS:
        (near,) = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0)
        raise UserError(
            f'There is no command "{name}"; there are {", ".join(COMMANDS)}, '
            f"and `aitimestepper {near} --help` explains the nearest."
        )
    return import_module(f".{COMMANDS[name].module}", __package__).run(rest)


def _help() -> str:
    lines = [f"  {name:<13}{command.does}" for name, command in COMMANDS.items()]
    return "\n".join([_USAGE, "", "Commands:", *lines, "", _MORE, ""])


def _complain(text: str, code: int) -> int:
    sys.stderr.write(" ".join(text.split()) + "\n")
    return code


def _refused_by_model(error: ValueError) -> str:
    """The text of a pydantic error; any other error is a fault of the program and goes on."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        raise error
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{error.title} refuses {place} = {first.get('input')!r}: {first['msg']}."


if __name__ == "__main__":
    sys.exit(main())
