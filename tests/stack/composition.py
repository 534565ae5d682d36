"""docker-compose.yml as processes on loopback see it: same words, other addresses and folders."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE, DOCKERFILE, EXAMPLE = (
    ROOT / name for name in ("docker-compose.yml", "Dockerfile", ".env.example")
)
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[?-])(?P<rest>[^}]*))?\}")


class NotSet(Exception):
    """A variable that the composition requires has no value."""


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?message}` as Compose replaces them."""

    def value(match: re.Match[str]) -> str:
        found = variables.get(match["name"], "")
        if not found and match["how"] == "?":
            raise NotSet(match["name"])
        return found or (match["rest"] if match["how"] == "-" else "")

    return _VARIABLE.sub(value, text)


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every service, with its variables replaced and its anchors merged."""
    return yaml.safe_load(interpolated(COMPOSE.read_text(), variables))["services"]


def example() -> dict[str, str]:
    """The variables of .env.example."""
    lines = (line for line in EXAMPLE.read_text().splitlines() if line and line[0] != "#")
    return dict(line.split("=", 1) for line in lines)


def copied(folder: Path) -> None:
    """What the Dockerfile copies into the image, laid out in `folder` as it is there."""
    for line in DOCKERFILE.read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = line.split()[1:]
            for source in sources:
                _copy(ROOT / source, folder / target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@dataclass(frozen=True)
class Translation:
    """From the addresses and folders of the containers to those of one machine."""

    ports: Mapping[str, int]
    """Port on loopback by `service:port`."""
    folders: Mapping[str, Path]
    """Folder on this machine by folder of a container."""

    def word(self, text: str) -> str:
        """A word of a command line, or the value of a variable."""
        for place, port in self.ports.items():
            inside = place.partition(":")[2]
            if text == inside:
                return str(port)
            for host in (place, f"127.0.0.1:{inside}"):
                text = re.sub(rf"\b{host}\b", f"127.0.0.1:{port}", text)
        return str(self.folders.get(text, "127.0.0.1" if text == "0.0.0.0" else text))

    def command(self, service: Mapping[str, Any]) -> list[str]:
        """The command line of a service."""
        return [self.word(word) for word in service["command"]]

    def health(self, service: Mapping[str, Any]) -> list[str]:
        """The command line that tells whether a service is healthy."""
        kind, *words = service["healthcheck"]["test"]
        assert kind == "CMD"
        return [self.word(word) for word in words]

    def environment(self, service: Mapping[str, Any], base: Mapping[str, str]) -> dict[str, str]:
        """The variables of a service, and none of the caller's that it could take for its own."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW", "AWS"))
        }
        told = {k: self.word(v) for k, v in service.get("environment", {}).items()}
        return {**kept, **base, **told}
