"""Options of a command, with a mistake as one sentence instead of a screen of usage."""

from __future__ import annotations

import argparse
import difflib
import json
import math
import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from aitimestepper.errors import UserError


def nearest(word: str, known: Iterable[str]) -> str:
    """The most similar of the known words, however far away it is."""
    return difflib.get_close_matches(word, list(known), n=1, cutoff=0)[0]


class Options(argparse.ArgumentParser):
    """A parser that raises instead of leaving the program, and guesses no abbreviation."""

    def __init__(self, command: str, does: str) -> None:
        super().__init__(
            prog=f"aitimestepper {command}", description=does, allow_abbrev=False, add_help=False
        )
        self.add_argument("-h", "--help", action="store_true", help="show this text")
        self.add_argument("--json", action="store_true", help="print one JSON value, nothing else")

    def read(self, argv: list[str]) -> argparse.Namespace | None:
        """The options; None after help was asked for and given.

        Raises:
            UserError: An option is unknown, lacks its value, or refuses it.
        """
        if {"-h", "--help"} & set(argv):
            self.print_help(sys.stdout)
            return None
        options, rest = self.parse_known_args([_dashed(word) for word in argv])
        if rest:
            self._refuse(rest[0])
        return options

    def _refuse(self, word: str) -> NoReturn:
        if word.startswith("-"):
            near = nearest(word.partition("=")[0], self._option_string_actions)
            self.error(f'there is no option "{word}"; the nearest is {near}')
        self.error(f'"{word}" is one word too many')

    def error(self, message: str) -> NoReturn:
        """Raise the message of argparse as a mistake of the user."""
        text = message.removeprefix("argument ").rstrip(".")
        raise UserError(f"{text}; type `{self.prog} --help` for the options.")


def _dashed(word: str) -> str:
    """An option with dashes, since both spellings are right."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


def positive_number(text: str) -> float:
    """A finite number above zero, for argparse."""
    number = _number(text)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text} should be a finite number greater than 0")
    return number


def positive_count(text: str) -> int:
    """A whole number above zero, for argparse."""
    if not re.fullmatch(r"\+?\d+", text.strip()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} should be a whole number greater than 0")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number, such as 2.5') from None


def write_json(value: Any) -> None:
    """Print one JSON value; what is not finite becomes null, since JSON has no infinity."""
    sys.stdout.write(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
