"""A report on disk: every figure as PNG and SVG, and the page that holds them all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..figures.style import save
from .drawings import Judged, drawings
from .page import Fact, Picture, page
from .tables import table_of

_log = logging.getLogger("aitimestepper.report")


def write_report(folder: Path, judged: Judged, facts: Sequence[Fact]) -> list[Path]:
    """Write `report.html` and its figures, replacing those of an earlier report.

    Arguments:
        folder: Where; it must exist.
        judged: What the report is about.
        facts: Lines about where the numbers come from.

    Returns:
        The page, then every figure as PNG and as SVG.

    Raises:
        UserError: The folder cannot be written.
    """
    pictures, files = [], []
    try:
        for drawing in drawings(judged):
            _log.info("drawn: %s", drawing.title)
            png, svg = save(drawing.figure, folder, drawing.name)
            pictures.append(Picture(drawing.title, drawing.caption, svg.read_bytes()))
            files += [png, svg]
        text = page(f"Evaluation of {judged.model}", facts, [table_of(judged.rows)], pictures)
        (folder / "report.html").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); give another --out."
        ) from None
    return [folder / "report.html", *files]
