"""Where settings come from, and how each place writes their names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aitimestepper.errors import UserError

ENVIRONMENT_PREFIX = "AITIMESTEPPER_"


@dataclass(frozen=True)
class Place:
    """Settings by dotted name, as they were written in their place; here, in a run's store."""

    values: Mapping[str, Any]

    def spelled(self, key: str) -> str:
        """A setting's name as this place writes it."""
        return key

    def assignment(self, key: str) -> str:
        """A setting with its value, as this place writes it."""
        return f"{key} = {self.values[key]!r} in the run"


class CommandLine(Place):
    """Options such as `--generalize.max-iterations 100`."""

    def spelled(self, key: str) -> str:
        """Two dashes, and dashes for underscores."""
        return f"--{key.replace('_', '-')}"

    def assignment(self, key: str) -> str:
        """The option and its value."""
        return f"{self.spelled(key)} {self.values[key]}"


class Environment(Place):
    """Variables such as `AITIMESTEPPER_GENERALIZE__MAX_ITERATIONS=100`."""

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Environment:
        """The settings in variables that all begin with the prefix."""
        skip = len(ENVIRONMENT_PREFIX)
        return cls({k[skip:].lower().replace("__", "."): v for k, v in variables.items()})

    def spelled(self, key: str) -> str:
        """The prefix, upper case, two underscores after a section."""
        return ENVIRONMENT_PREFIX + key.replace(".", "__").upper()

    def assignment(self, key: str) -> str:
        """The variable and its value."""
        return f"{self.spelled(key)}={self.values[key]}"


@dataclass(frozen=True)
class File(Place):
    """Lines of a TOML file such as `generalize.max_iterations = 100`."""

    path: str

    def spelled(self, key: str) -> str:
        """The dotted name and the file."""
        return f'"{key}" in {self.path}'

    def assignment(self, key: str) -> str:
        """The line and the file."""
        return f"{key} = {self.values[key]!r} in {self.path}"


def read_file(path: str) -> dict[str, Any]:
    """The settings in a TOML file, flat, with underscores for dashes.

    Raises:
        UserError: The file is missing, cannot be read, or is not TOML.
    """
    try:
        return dict(_flat(tomllib.loads(Path(path).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise UserError(
            f"There is no settings file {path}; check the path after --config."
        ) from None
    except OSError as error:
        raise UserError(
            f"The settings file {path} cannot be read ({error.strerror}); give another --config."
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"The settings file {path} is not TOML: {error}; a line looks like `epochs = 20`, "
            "a section like `[generalize]`."
        ) from None


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = prefix + key.replace("-", "_")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value
