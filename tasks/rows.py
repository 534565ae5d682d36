"""Between the transitions that training yields and the rows that the store keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from aitimestepper.physics.state import System
from aitimestepper.store.rows import Rows
from aitimestepper.training.collect import Transition
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import prepare
from aitimestepper.training.trainer import Training

_CHUNK = 8192


def rows_of(transitions: Sequence[Transition], epoch: int) -> Rows:
    """Rows of T lockstep steps, float64 whatever the precision of the training."""
    systems = [transition.samples.begin.system for transition in transitions]
    return Rows(
        position=_stacked([system.position for system in systems]),
        velocity=_stacked([system.velocity for system in systems]),
        time=_stacked([system.time for system in systems]),
        dt=_stacked([transition.dt for transition in transitions]),
        energy_error=_stacked([transition.error for transition in transitions]),
        attempts=_stacked([transition.attempts for transition in transitions], np.int32),
        epoch=np.full(len(transitions), epoch, np.int32),
        flags=_stacked([transition.fresh for transition in transitions], np.uint8),
    )


def _stacked(tensors: Sequence[torch.Tensor], dtype: type = np.float64) -> np.ndarray:
    return torch.stack(list(tensors)).cpu().numpy().astype(dtype)


def recorded_of(rows: Rows, mass: np.ndarray, training: Training) -> Recorded:
    """Samples from rows of the store, bit for bit those that were appended while training.

    Arguments:
        rows: T steps.
        mass: Masses [mass], with shape (B, N).
        training: Its model and gate say what a sample holds.
    """
    recorded = Recorded()
    for begin in range(0, rows.steps, _CHUNK):
        system = _systems(rows.take(slice(begin, begin + _CHUNK)), mass)
        like = training.model.centre
        recorded.append(prepare(system.to(like.device, like.dtype), training.model, training.gate))
    return recorded


def _systems(rows: Rows, mass: np.ndarray) -> System:
    """T B systems of N bodies, step by step."""
    masses = np.broadcast_to(mass, (rows.steps, *mass.shape))
    fields = (masses, rows.position, rows.velocity, rows.time)
    return System(*(torch.from_numpy(f.reshape(-1, *f.shape[2:]).copy()) for f in fields))
