"""A simulation on its way into a file, and back out of it to go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import UserError
from .model.history import Window
from .physics.state import System
from .simulation.blocks import Block, Standing, standing
from .simulation.outcome import Sums, Tally
from .simulation.run import Interrupted
from .simulation.schemes import Now
from .store.simulation_file import SimulationFile

State = dict[str, np.ndarray]


class Recorder:
    """Writes every step to a file: all systems side by side, those that arrived stand still.

    Arguments:
        file: Where to.
        system: Initial states.
        since: Where the run goes on, if it does.
    """

    def __init__(self, file: SimulationFile, system: System, since: Interrupted | None) -> None:
        self.file = file
        self._now = system if since is None else since.sums.end
        self._drift = torch.zeros_like(system.time) if since is None else since.sums.drift
        self._taken = 0 if since is None else since.standing.taken

    def begin(self, start: Interrupted) -> None:
        """Write row 0."""
        dt = torch.zeros_like(self._now.time)[None]
        self._write(self._now, dt, self._drift[None], start)

    def add(self, block: Block, tally: Tally) -> None:
        """Append the states that the steps of a block led to."""
        count = len(block.dt)
        parts = zip(self._now, block.after, strict=True)
        states = System(*(_filled(old, block.rows, new, count) for old, new in parts))
        lengths = torch.zeros_like(self._drift).repeat(count, 1)
        lengths[:, block.rows] = block.dt
        errors = self._drift.repeat(count, 1)
        errors[:, block.rows] = tally.errors
        self._taken += count
        after = Interrupted(standing(block, self._taken), tally.sums)
        self._write(states, lengths, errors, after)
        self._now, self._drift = tally.sums.end, tally.sums.drift

    def _write(self, states: System, dt: Tensor, errors: Tensor, after: Interrupted) -> None:
        """Append T rows, whose states stand one after the other."""
        count = len(dt)
        shapes = (count, -1, *states.position.shape[1:])
        self.file.append(
            _numpy(states.time.view(count, -1)),
            _numpy(dt),
            _numpy(states.position.view(shapes)),
            _numpy(states.velocity.view(shapes)),
            _numpy(errors.abs()),
            state=packed(after),
        )

    def __enter__(self) -> Recorder:
        """The recorder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what still waits, and after the last step say that it was the last."""
        if kind is None:
            self.file.finish()
        else:
            self.file.close()


def _filled(old: Tensor, rows: Tensor, after: Tensor, count: int) -> Tensor:
    """What `count` steps led to, of all systems: one state after the other."""
    new = after.view(count, len(rows), *after.shape[1:])
    if len(rows) == len(old):
        return new.flatten(0, 1)
    return old.repeat(count, *(1,) * old.ndim).index_copy(1, rows, new).flatten(0, 1)


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()


def packed(run: Interrupted) -> State:
    """Everything that it takes to go on, as arrays."""
    (rows, now, taken), sums = run
    tensors = {
        "rows": rows,
        "acceleration": now.acceleration,
        "past": now.window.past,
        "count": now.window.count,
        "memory": now.memory,
        **_named("now", now.system),
        **_named("end", sums.end),
        **{f"sum_{name}": tensor for name, tensor in sums._asdict().items() if name != "end"},
    }
    return {"taken": np.array(taken), **{name: _numpy(t) for name, t in tensors.items()}}


def unpacked(state: Mapping[str, np.ndarray], device: torch.device) -> Interrupted:
    """What `packed` packed."""
    given = {k: torch.from_numpy(v).to(device) for k, v in state.items() if v.ndim}
    window = Window(given["past"], given["count"])
    now = Now(_system("now", given), given["acceleration"], window, given["memory"])
    sums = {k.removeprefix("sum_"): v for k, v in given.items() if k.startswith("sum_")}
    return Interrupted(
        Standing(given["rows"], now, int(state["taken"])), Sums(end=_system("end", given), **sums)
    )


def _named(prefix: str, system: System) -> dict[str, Tensor]:
    names = ("mass", "position", "velocity", "time")
    return {f"{prefix}_{name}": tensor for name, tensor in zip(names, system, strict=True)}


def _system(prefix: str, given: Mapping[str, Tensor]) -> System:
    return System(*(given[f"{prefix}_{name}"] for name in ("mass", "position", "velocity", "time")))


def create(
    path: Path, system: System, attributes: Mapping[str, Any], *, overwrite: bool
) -> SimulationFile:
    """An empty file for the systems."""
    mass, dimensions = _numpy(system.mass), system.position.shape[-1]
    return SimulationFile.create(
        path, mass, dimensions, attributes=dict(attributes), overwrite=overwrite
    )


def reopen(
    path: Path, system: System, attributes: Mapping[str, Any]
) -> tuple[SimulationFile, Interrupted]:
    """The file of an interrupted run, and where the run stood when it was last written.

    Raises:
        UserError: There is no such file, its run has ended, or it was another run.
    """
    file, state = SimulationFile.reopen(path)
    if state is None:
        raise UserError(f"{path} holds a run that came to its end; there is nothing to go on from.")
    changed = [key for key, value in attributes.items() if file.attributes.get(key) != value]
    if changed:
        was = ", ".join(f"{key} {file.attributes.get(key)}" for key in changed)
        raise UserError(
            f"{path} holds a run with {was}; go on with the same, or start again with --overwrite."
        )
    parts = zip(file.initial, (system.mass, system.position, system.velocity), strict=True)
    if not all(np.array_equal(a, _numpy(b)) for a, b in parts):
        raise UserError(
            f"{path} begins with other bodies; go on with the same, or give another --out."
        )
    return file, unpacked(state, system.time.device)
