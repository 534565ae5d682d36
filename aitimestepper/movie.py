"""A movie of a simulation: the bodies with trails, and beside them energy error and dt."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import UserError
from .figures.style import COLOURS, QUIET, canvas, styled
from .store.simulation_reading import Samples, sample

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RATE = 25
"""Frames per second; a GIF counts in hundredths."""
_FINE = 8
"""Points of a trail from one frame to the next."""
_TRAIL = 12
"""Length of a trail [frames]."""
_ELEVATION, _AZIMUTH = np.radians(25.0), np.radians(-60.0)
_INCHES, _DPI = (9.6, 4.8), {".mp4": 100, ".gif": 75}


def movie(
    path: Path | str,
    out: Path | str,
    *,
    system: int = 0,
    frames: int = 250,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Film a simulation, with frames evenly spread over its time.

    Memory is bounded by the frames, whatever the length of the file. Motion in space is shown
    from a fixed point, 25 degrees above the x-y plane.

    Arguments:
        path: Simulation file of a run in 2 or 3 dimensions.
        out: FILE.mp4, which needs ffmpeg, or FILE.gif.
        system: Which system of an ensemble.
        frames: How many, at 25 a second.
        overwrite: Replace an earlier `out`.
        progress: Told of every frame: how many are done, and how many there will be.

    Returns:
        The path of the movie.

    Raises:
        UserError: The ending is neither, the file is there already or cannot be written, ffmpeg
            is missing, or `path` holds nothing to film.
    """
    out = Path(out)
    check_movie(out, overwrite=overwrite)
    if frames < 2:
        raise UserError(f"A movie has 2 frames or more, got {frames}.")
    known = sample(path, _FINE * (frames - 1) + 1, system=system)
    beside = out.with_name(f".{out.name}.part{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _film(known, beside, frames, progress or _silent)
        os.replace(beside, out)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error}); give another movie file.") from None
    finally:
        if beside.is_file():
            beside.unlink()
    return out


def check_movie(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work, what cannot become a movie.

    Raises:
        UserError: The ending is neither .mp4 nor .gif, the file exists, or ffmpeg is missing.
    """
    if out.suffix not in _DPI:
        raise UserError(f"{out} should end in .mp4 or .gif; give another movie file.")
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists; give another movie file or add --overwrite.")
    if out.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise UserError(
            "An .mp4 needs ffmpeg, which is not installed; install it (on Debian or Ubuntu "
            "`apt install ffmpeg`), or give a .gif."
        )


def _silent(done: int, total: int) -> None:
    """Nobody listens."""


@styled
def _film(known: Samples, out: Path, frames: int, progress: Callable[[int, int], None]) -> None:
    """Draw what never changes once, and the rest on top of it for every frame."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure, move = _scene(known)
    figure.set_dpi(_DPI[out.suffix])
    canvas_of = FigureCanvasAgg(figure)
    canvas_of.draw()
    still = canvas_of.copy_from_bbox(figure.bbox)

    def pictures() -> Iterator[np.ndarray]:
        for frame in range(frames):
            canvas_of.restore_region(still)
            for artist in move(frame * _FINE):
                figure.draw_artist(artist)
            yield np.asarray(canvas_of.buffer_rgba())
            progress(frame + 1, frames)

    {".mp4": _write_mp4, ".gif": _write_gif}[out.suffix](out, pictures())


def _write_mp4(out: Path, pictures: Iterable[np.ndarray]) -> None:
    """Through ffmpeg, which gets the pixels as they are: nothing is drawn or encoded twice."""
    width, height = (int(_DPI[out.suffix] * inches) for inches in _INCHES)
    given = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}", "-r", str(_RATE)]
    wanted = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    command = ["ffmpeg", "-v", "error", "-y", *given, "-i", "-", *wanted, str(out)]
    with Popen(command, stdin=PIPE, stderr=PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        assert ffmpeg.stderr is not None
        with suppress(BrokenPipeError):  # it has stopped, and says why
            for picture in pictures:
                ffmpeg.stdin.write(picture.tobytes())
            ffmpeg.stdin.close()
        said = ffmpeg.stderr.read().decode(errors="replace").strip()
    if ffmpeg.returncode:
        raise OSError(f"ffmpeg says: {said}")


def _write_gif(out: Path, pictures: Iterable[np.ndarray]) -> None:
    """As palettes: matplotlib's own writer would hold every frame in full colour."""
    from PIL import Image

    every = (
        Image.fromarray(picture[..., :3]).quantize(128, dither=Image.Dither.NONE)
        for picture in pictures
    )
    first = next(every)
    shown = {"append_images": every, "duration": 1000 // _RATE, "loop": 0}
    with out.open("wb") as file:  # Pillow would leave a file of its own open after an error
        first.save(file, format="GIF", save_all=True, **shown)


def _scene(known: Samples) -> tuple[Figure, Callable[[int], list[Artist]]]:
    """The figure, and what moves it to a sample and returns what has moved."""
    figure, grid = canvas(*_INCHES, 2, 2)
    for axes in grid[:, 0]:
        axes.remove()
    bodies = _bodies(figure.add_subplot(grid[0, 0].get_gridspec()[:, 0]), known)
    marks = _curves(grid[:, 1], known)

    def move(k: int) -> list[Artist]:
        for mark, values in marks:
            mark.set_data([known.time[k]], [values[k]])
        return [*bodies(k), *(mark for mark, _ in marks)]

    return figure, move


def _bodies(axes: Axes, known: Samples) -> Callable[[int], list[Artist]]:
    from matplotlib.collections import LineCollection

    position = _seen(known.position)
    colours = [COLOURS[i % len(COLOURS)] for i in range(position.shape[1])]
    trails = LineCollection([], colors=colours, linewidths=1, alpha=0.7, animated=True)
    axes.add_collection(trails, autolim=False)
    size = 60 * (known.mass / known.mass.max()) ** (2 / 3) + 6
    dots = axes.scatter(*position[0].T, s=size, c=colours, animated=True)
    low, high = np.nanmin(position, (0, 1)), np.nanmax(position, (0, 1))
    middle, half = (low + high) / 2, 0.55 * (high - low).max()
    axes.set(xlim=middle[0] + [-half, half], ylim=middle[1] + [-half, half], aspect="equal")
    flat = known.position.shape[-1] == 2
    axes.set(xlabel="x [length]" if flat else "across [length]")
    axes.set(ylabel="y [length]" if flat else "up, seen from 25° above [length]")

    axes.set_title(" ")
    clock = axes.text(0, 1.02, "", transform=axes.transAxes, animated=True)

    def move(k: int) -> list[Artist]:
        dots.set_offsets(position[k])
        trails.set_segments(list(position[max(0, k - _FINE * _TRAIL) : k + 1].swapaxes(0, 1)))
        clock.set_text(f"t = {known.time[k]:.4g}")
        return [trails, dots, clock]

    return move


def _seen(position: np.ndarray) -> np.ndarray:
    """Positions in the plane of the picture, with shape (S, N, 2)."""
    if position.shape[-1] == 2:
        return position
    across = np.array([-np.sin(_AZIMUTH), np.cos(_AZIMUTH), 0.0])
    towards = np.array([np.cos(_AZIMUTH), np.sin(_AZIMUTH), 0.0])
    up = np.array([0.0, 0.0, np.cos(_ELEVATION)]) - np.sin(_ELEVATION) * towards
    return position @ np.stack([across, up], -1)


def _curves(panels: Any, known: Samples) -> list[tuple[Any, np.ndarray]]:
    """Energy error and dt over the whole time; a dot says where the movie is."""
    marks = []
    labels = {"relative energy error |ΔE/E|": known.energy_error, "dt [time]": known.dt}
    for axes, (label, values) in zip(panels, labels.items(), strict=True):
        shown = np.where(values > 0, values, np.nan)
        axes.plot(known.time, shown, color=QUIET, linewidth=0.8)
        marks.append((axes.plot([], [], "o", color=COLOURS[1], animated=True)[0], shown))
        if np.isfinite(shown).any():
            axes.set_yscale("log")
        axes.set(ylabel=label, xlabel="time")
    panels[0].set_xlabel("")
    return marks
