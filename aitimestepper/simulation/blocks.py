"""Blocks of steps: what a run hands over while it goes on."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..physics.gate import Gate, Start
from ..physics.state import System, join
from .schemes import Now

_PIECE = 16_384


class Status(IntEnum):
    """How it stands with a system."""

    RUNNING = 0
    DONE = 1
    NO_STEP = 2
    """The rule proposed no way forward."""
    STUCK = 3
    """No step passes the gate, however short."""


class Block(NamedTuple):
    """T consecutive steps of the systems that were still running."""

    rows: Int[Tensor, " R"]
    """Which systems of the batch."""
    begin: Start
    """States before the steps, T x R in a row: step t of system r is entry t R + r."""
    dt: Float[Tensor, "T R"]
    """Steps taken [time]; zero once a system has arrived, NaN where the rule gave no step."""
    now: Now
    """Where the systems stand after the last step."""
    status: Int[Tensor, " R"]
    evaluations: Int[Tensor, " R"]
    """Evaluations of the force that the block took, in all tries and iterations."""
    rejected: Int[Tensor, " R"]
    """Tries that the guard refused."""
    error: Float[Tensor, "T R"] | None
    """What the guard measured of each step."""

    @property
    def end(self) -> System:
        """States after the last step, with R rows."""
        return self.now.system

    @property
    def after(self) -> System:
        """States after each step, in the order of those before."""
        return join([self.begin.system[len(self.rows) :], self.end])

    def errors(self, gate: Gate) -> Float[Tensor, "T R"]:
        """What the gate thinks of every step; judged in pieces, so that probes take no room."""
        if self.error is not None:
            return self.error
        lengths = self.dt.reshape(-1)
        pieces = [slice(k, k + _PIECE) for k in range(0, len(lengths), _PIECE)]
        errors = [gate.attempt(self.begin.take(piece), lengths[piece]).error for piece in pieces]
        return torch.cat(errors).view(self.dt.shape)


class Standing(NamedTuple):
    """Where a run stands between two blocks: enough to go on from, bit for bit."""

    rows: Int[Tensor, " R"]
    """Systems that are still running."""
    now: Now
    taken: int
    """Steps behind it."""


def running(block: Block) -> tuple[Tensor, Now]:
    """The systems that have not come to an end yet."""
    running = (block.status == Status.RUNNING).nonzero()[:, 0]
    if len(running) == len(block.rows):
        return block.rows, block.now
    return block.rows[running], block.now.take(running)


def standing(block: Block, taken: int) -> Standing:
    """Where a run stands after a block, with `taken` steps behind it."""
    return Standing(*running(block), taken)
