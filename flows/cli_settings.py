"""The settings of a run from command line, environment and file, in that order of precedence."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig

from .cli_options import nearest
from .cli_places import ENVIRONMENT_PREFIX, CommandLine, Environment, File, Place, read_file
from .cli_refusals import refusal

RESERVED = frozenset({"AITIMESTEPPER_ARTIFACTS", "AITIMESTEPPER_WANDB"})
"""Variables with our prefix that are no settings."""


def known_settings(model: type[BaseModel] = RunConfig, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting by its dotted name."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        section = section_of(field)
        inner = known_settings(section, f"{prefix}{name}.") if section else {prefix + name: field}
        found.update(inner)
    return found


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a section."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def run_config(
    options: Mapping[str, str],
    file: str | File | None = None,
    environment: Mapping[str, str] | None = None,
) -> RunConfig:
    """The settings of a run as plain data, which may cross into a flow.

    A run that is there already goes on with the settings that it began with, as far as nothing
    else is given.

    Arguments:
        options: Settings of the command line, by dotted name with underscores.
        file: Path of a TOML file, or what was read from it.
        environment: Variables; those of this process when left out.

    Raises:
        UserError: A setting is unknown or refuses its value, or the file cannot be read.
    """
    places: list[Place] = [CommandLine(options), _environment(environment or os.environ)]
    if file is not None:
        places.append(file if isinstance(file, File) else File(read_file(file), file))
    known = known_settings()
    for place in places:
        _check_names(place, known)
    try:
        return _merged([*places, _begun(places, known)], known)
    except ValidationError as error:
        raise UserError(refusal(error, places, known)) from None


def _begun(places: Sequence[Place], known: Mapping[str, FieldInfo]) -> Place:
    """What a run that is there already began with: the default of what it cannot change.

    Raises:
        ValidationError: The name is none; it could lead out of the folder of runs.
    """
    from aitimestepper.folders import RunFolder
    from tasks.resume import began, falsifying

    named = [Place({"name": place.values["name"]}) for place in places if "name" in place.values]
    name = _merged(named, known).name
    settings = falsifying(began(name)) if RunFolder(name).store.exists() else {}
    return Place({key: value for key, value in settings.items() if key in known})


def _environment(variables: Mapping[str, str]) -> Environment:
    ours = {
        name: value
        for name, value in variables.items()
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name.upper() not in RESERVED
    }
    return Environment.of(ours)


def _check_names(place: Place, known: Mapping[str, FieldInfo]) -> None:
    for key in place.values:
        if key in known:
            continue
        inside = [name for name in known if name.startswith(f"{key}.")]
        if inside:
            raise UserError(
                f"{place.spelled(key)} is a section of settings, not a setting; "
                f"give one of {', '.join(map(place.spelled, inside))}."
            )
        raise UserError(
            f"There is no setting {place.spelled(key)}; the nearest is "
            f"{place.spelled(_nearest_setting(key, known))}, and `aitimestepper train --help` "
            "lists them all."
        )


def _nearest_setting(key: str, known: Mapping[str, FieldInfo]) -> str:
    """The most similar name, as a whole or without its section."""
    last = {name.rpartition(".")[2]: name for name in reversed([*known])}
    words = {**last, **{name: name for name in known}}
    return words[nearest(key, words)]


def _merged(places: Sequence[Place], known: Mapping[str, FieldInfo]) -> RunConfig:
    """Let pydantic-settings merge what was given; the result is plain again."""

    class Door(BaseSettings, RunConfig):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], **_: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            given = [_nested(place.values, known) for place in places]
            return tuple(InitSettingsSource(settings_cls, init_kwargs=values) for values in given)

    merged = Door()  # pyright: ignore[reportCallIssue]  # the sources bring the arguments
    return RunConfig.model_validate(merged.model_dump())


def _nested(values: Mapping[str, Any], known: Mapping[str, FieldInfo]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = _parsed(value, known[key]) if isinstance(value, str) else value
    return tree


def _parsed(text: str, field: FieldInfo) -> Any:
    """Text as the setting wants it: ranges split at commas, "none", numbers to choose from."""
    kinds = get_args(field.annotation)
    if NoneType in kinds and text.strip().lower() == "none":
        return None
    lists = [_bare(kind) for kind in (field.annotation, *kinds) if _is_list(kind)]
    if lists and not _is_list(get_args(lists[0])[0]):  # a list of lists is read from a file
        return tuple(part.strip() for part in text.strip("()[] ").split(","))
    if get_origin(field.annotation) is Literal:
        return next((choice for choice in kinds if str(choice) == text.strip()), text)
    return text


def _is_list(kind: Any) -> bool:
    return get_origin(_bare(kind)) is tuple


def _bare(kind: Any) -> Any:
    """A type without what `Annotated` says of it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
