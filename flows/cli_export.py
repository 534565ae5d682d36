"""The command `export`: a trained step as one file that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from .cli_options import Options, write_json

_OUT = ".npz for NumPy alone, .onnx for ONNX runtimes, .pt2 for torch.export"


def run(argv: Sequence[str]) -> int:
    """Export, and say where the file is."""
    options = _parser().read(list(argv))
    if options is None:
        return 0
    from aitimestepper.export import export
    from aitimestepper.sources import load

    path = export(load(options.model), options.out, overwrite=options.overwrite)
    if options.json:
        write_json({"model": options.model, "out": str(path), "bytes": path.stat().st_size})
    else:
        sys.stdout.write(f"{path}, {path.stat().st_size / 1e3:.0f} kB\n")
    return 0


def _parser() -> Options:
    parser = Options("export", "Write a learned time step for other programs.")
    model = "a run's name, a checkpoint, or models:/NAME/VERSION"
    parser.add_argument("--model", required=True, metavar="SOURCE", help=model)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=_OUT)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier --out")
    return parser
