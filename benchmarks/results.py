"""Train the presets and write docs/results.md: every number there comes from this script.

    python benchmarks/results.py [--presets presets/two-body.toml ...] [--out docs/results.md]

Runs that are finished already are judged as they stand. The figures go beside the page.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from measure_pairs import PairFigures, draw, measure

ROOT = Path(__file__).resolve().parents[1]
_HEAD = """# Results

Made by `python benchmarks/results.py`; every number is measured, none is typed. Orbits are drawn
with seeds of their own and are never trained on. Steps over oracle: steps of a run over those of
the longest steps that pass the gate, on the same orbit.
"""


def main() -> None:
    """Train what is not trained yet, judge it, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", type=Path, default=_pairs())
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("--steps", type=int, default=1_000_000, help="steps without guard")
    parser.add_argument("--periods", type=float, default=20.0, help="length of the long runs")
    given = parser.parse_args()
    parts = [_HEAD]
    for preset in given.presets:
        config = tomllib.loads(preset.read_text())
        _train(preset)
        figures = measure(config["name"], steps=given.steps, periods=given.periods)
        picture = given.out.with_name(f"{config['name']}.png")
        draw(figures, picture)
        parts.append(_section(preset, config, figures, picture.name))
    given.out.write_text("\n".join(parts))


def _pairs() -> list[Path]:
    return sorted((ROOT / "presets").glob("two-body*.toml"))


def _command(preset: Path) -> list[str]:
    return ["aitimestepper", "train", "--config", str(preset.resolve().relative_to(ROOT))]


def _train(preset: Path) -> None:
    """The command as the page names it; nothing where the run is finished."""
    words = [sys.executable, "-m", "flows.cli", *_command(preset)[1:]]
    subprocess.run(words, cwd=ROOT, check=True)


def _section(preset: Path, config: dict[str, Any], f: PairFigures, picture: str) -> str:
    rows = "\n".join(f"| {name} | {value} | {target} |" for name, value, target in _rows(f))
    return f"""## {config["name"]}

    {shlex.join(_command(preset))}

Threshold {f.threshold:g}, training seed {config.get("seed", 0)}.

| measure | result | target |
|---|---|---|
{rows}

![Steps over oracle against eccentricity; violations outside the trained range]({picture})
"""


def _rows(f: PairFigures) -> list[tuple[str, str, str]]:
    return [
        (
            f"steps over oracle, {len(f.over)} orbits, e in 0..0.95, {f.periods:g} periods",
            f"{f.over.median():.3f} median, {f.over.max():.3f} worst",
            "1.10, 1.15",
        ),
        (
            "the same over 3 periods, e >= 0.07",
            f"{f.short.median():.3f} median, {f.short.max():.3f} worst",
            "1.10, 1.15",
        ),
        (
            "oracle's step over ours, state by state",
            f"{f.states.median():.3f} median, {f.states.quantile(0.99):.3f} at 99 %",
            "-",
        ),
        ("gate violations without guard", f"{f.violations} of {f.steps}", "0 of 1e6"),
        ("worst step over threshold there", f"{f.worst:.3f}", "<= 1"),
        (
            "steps over the best free-fall rule of each orbit, 3 periods, e >= 0.07",
            f"{f.rival.median():.3f} median, {f.rival.max():.3f} worst",
            "0.75",
        ),
        (
            "a in 1e-3..1e3, masses 1e-6..1e6: steps over oracle, violations",
            f"{f.scaled.median():.3f} median, {f.scaled_violations}",
            "the same",
        ),
    ]


if __name__ == "__main__":
    main()
