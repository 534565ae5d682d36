"""Whether a run may go on with other settings than it began with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder
from aitimestepper.settings import HARMLESS, RunConfig
from aitimestepper.store.document import RESTORE
from aitimestepper.store.errors import StoreCorrupt
from aitimestepper.store.trajectory import TrajectoryStore


class SettingsChanged(UserError):
    """Going on with these settings would falsify the run."""


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level with dotted names."""
    return dict(_leaves(settings, prefix))


def _leaves(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def falsifying(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, flat, that a run cannot change without becoming another run."""
    return {key: value for key, value in flat(settings).items() if not _harmless(key)}


def _harmless(key: str) -> bool:
    return key in HARMLESS or key.partition(".")[0] in HARMLESS


def fingerprint(config: RunConfig) -> str:
    """Short hash of the settings that falsify."""
    text = json.dumps(falsifying(config.model_dump(mode="json")), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_unchanged(before: Mapping[str, Any], config: RunConfig) -> None:
    """Refuse settings that would falsify the run.

    Arguments:
        before: Settings that the run began with, nested; a setting that is younger than the run
            counts as its default.
        config: Settings that it is asked to go on with.

    Raises:
        SettingsChanged: Names every changed setting with its old and its new value.
    """
    defaults = falsifying(RunConfig.model_validate({}).model_dump(mode="json"))
    old = defaults | falsifying(before)
    new = falsifying(config.model_dump(mode="json"))
    changes = [
        f"{key} {_shown(old.get(key))} -> {_shown(new.get(key))}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    if changes:
        raise SettingsChanged(
            f'run "{config.name}" cannot go on with other settings than it began with '
            f"({'; '.join(changes)}); set them back, or train under another --name"
        )


def _shown(value: Any) -> str:
    return json.dumps(value).strip('"')


def check_run(config: RunConfig) -> None:
    """Refuse to go on with a run that is there already under other settings; read nothing else.

    Raises:
        SettingsChanged: As in `check_unchanged`.
        StoreError: What is there is no store.
    """
    if RunFolder(config.name).store.exists() and not nothing_recorded(config.name):
        check_unchanged(began(config.name), config)


def going_on(config: RunConfig) -> RunConfig:
    """The settings, with what a run that is there began with where the default was left.

    A form or a deployment fills in every default, so a default says nothing of what was wanted.
    What may change without falsifying the run counts as given.

    Raises:
        StoreError: What is there is no store.
    """
    if not RunFolder(config.name).store.exists() or nothing_recorded(config.name):
        return config
    left = flat(RunConfig.model_validate({}).model_dump(mode="json"))
    before = falsifying(began(config.name))
    given = flat(config.model_dump(mode="json"))
    merged = {
        key: before.get(key, value) if value == left[key] else value for key, value in given.items()
    }
    return RunConfig.model_validate(_nested(merged))


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = value
    return tree


def nothing_recorded(name: str) -> bool:
    """Whether a run has not committed anything yet; it may then begin anew in another way."""
    return not TrajectoryStore.read_only(RunFolder(name).store).commit.checkpoint


def began(name: str) -> dict[str, Any]:
    """The settings that a run began with.

    Raises:
        StoreError: What is there is no store, or does not say with what it began.
    """
    store = RunFolder(name).store
    settings = TrajectoryStore.read_only(store).header.attributes.get("settings")
    if not isinstance(settings, Mapping):
        raise StoreCorrupt(f"{store}: does not say with which settings it began; {RESTORE}")
    return dict(settings)
