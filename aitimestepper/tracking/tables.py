"""A table in the form that MLflow's pages show and `mlflow.load_table` reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence


def table_text(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as one JSON object with the keys `columns` and `data`.

    JSON has no NaN and the page shows nothing where it meets one, so what is not finite becomes
    null.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    data = [[_cell(row.get(column)) for column in columns] for row in rows]
    return json.dumps({"columns": columns, "data": data}, allow_nan=False)


def _cell(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
