"""A settings model as the parameters of a flow, so that every form and command line shows it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Function = Callable[..., Any]


def parameters_of(model: type[BaseModel]) -> Callable[[Function], Function]:
    """Give a function that takes `**settings` the fields of `model` as its parameters.

    Names, types, limits and defaults come from the model, and descriptions through the docstring,
    which is where Prefect's form looks for them.
    """

    def spread(function: Function) -> Function:
        fields = model.model_fields.items()
        function.__signature__ = inspect.Signature([_parameter(*item) for item in fields])
        lines = "\n".join(f"    {name}: {_description(field)}" for name, field in fields)
        function.__doc__ = f"{inspect.getdoc(function)}\n\nArgs:\n{lines}\n"
        return function

    return spread


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.is_required() else field.get_default()
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=field.rebuild_annotation(),
    )


def _description(field: FieldInfo) -> str:
    text = field.description or inspect.getdoc(field.annotation) or str(field.annotation)
    return text.partition("\n")[0]
