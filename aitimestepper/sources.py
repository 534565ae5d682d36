"""From what a user types to a time step rule: a run, a checkpoint, an MLflow model, a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from .build import gate_of, model_of
from .errors import UserError
from .folders import RunFolder, artifacts, tracking_uri
from .model.history import Window, remembering
from .model.rules import Aarseth, Fixed, FreeFall, Oracle
from .model.scaled import Scaled
from .physics.gate import Gate
from .physics.gravity import Gravity
from .physics.state import System
from .settings import RunConfig
from .store import checkpoints
from .store.errors import CheckpointError

if TYPE_CHECKING:
    from .model.timestep import LearnedTimeStep, TimeStep

_RULE = re.compile(r"(?P<kind>fixed|freefall|aarseth|oracle):(?P<number>[^:]*)")
_DEFAULT_THRESHOLD = RunConfig().energy_threshold


@dataclass(frozen=True)
class Step:
    """A time step rule that knows what it was made for; call it with a `System`.

    Attributes:
        source: What it was loaded from.
        gate: The gate that it was trained on, or that a classical rule is judged by.
        bodies: N that it takes; None takes any.
        dimensions: D that it takes; None takes any.
    """

    source: str
    rule: TimeStep
    gate: Gate
    bodies: int | None = None
    dimensions: int | None = None

    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """Step of each system [time], with shape (B,).

        Raises:
            UserError: The systems have another N or D than the rule was trained on.
        """
        self.check(system)
        return self.rule(system)

    def begin(self, system: System) -> Window:
        """What the rule remembers of systems at their start."""
        return remembering(self.rule).begin(system)

    def propose(self, system: System, window: Window) -> Float[Tensor, " B"]:
        """Step of each system with its past [time], with shape (B,)."""
        return remembering(self.rule).propose(system, window)

    def update(self, system: System, window: Window) -> Window:
        """What the rule remembers once the states `system` have been left behind."""
        return remembering(self.rule).update(system, window)

    @property
    def history(self) -> int:
        """K, past states that the rule looks at."""
        return self._own.model.length if isinstance(self._own, ModelStep) else 0

    @property
    def evaluations(self) -> int:
        """Evaluations of the force that a proposal takes, besides those of the step."""
        return getattr(self.rule, "evaluations", 0)

    @property
    def scale(self) -> float:
        """Factor on all steps of the rule that was loaded."""
        return self.rule.factor if isinstance(self.rule, Scaled) else 1.0

    @property
    def _own(self) -> TimeStep:
        """The rule that was loaded."""
        return self.rule.step if isinstance(self.rule, Scaled) else self.rule

    def scaled(self, factor: float) -> Step:
        """The same with all steps longer or shorter by a factor.

        Raises:
            UserError: The factor is not above 0 and finite.
        """
        if not 0 < factor < math.inf:
            raise UserError(f"scale must be above 0 and finite, got {factor:g}.")
        return self if factor == 1 else replace(self, rule=Scaled(self._own, self.scale * factor))

    def check(self, system: System) -> None:
        """Refuse systems of another N or D."""
        _, bodies, dimensions = system.position.shape
        wanted = self.bodies or bodies, self.dimensions or dimensions
        if (bodies, dimensions) != wanted:
            raise UserError(
                f"{self.source} was trained on N = {wanted[0]} bodies in D = {wanted[1]} "
                f"dimensions, the system has N = {bodies} and D = {dimensions}; choose another "
                "--model or other bodies."
            )


def load(source: str | Path) -> Step:
    """A time step rule from a run's name, a checkpoint's path, an MLflow address or a formula.

    Arguments:
        source: `demo`, `path/to/checkpoint.pt`, `models:/demo/1`, or one of `fixed:DT`,
            `freefall:ETA`, `aarseth:ETA`, `oracle:THRESHOLD`. Nothing that is loaded can run code.

    Raises:
        UserError: There is nothing of that name, or it is damaged.
    """
    text = str(source)
    if match := _RULE.fullmatch(text):
        return _classical(text, **match.groupdict())
    return _learned(text, checkpoints.read(*_checkpoint(text)))


def _classical(source: str, kind: str, number: str) -> Step:
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise UserError(f'"{source}" needs a number above 0 after the colon, as in "{kind}:0.01".')
    field = Gravity()
    gate = Gate(field, value if kind == "oracle" else _DEFAULT_THRESHOLD)
    rules: dict[str, Callable[[], Any]] = {
        "fixed": lambda: Fixed(value),
        "freefall": lambda: FreeFall(value, field),
        "aarseth": lambda: Aarseth(value, field),
        "oracle": lambda: Oracle(gate),
    }
    return Step(source, rules[kind](), gate)


def _checkpoint(source: str) -> tuple[Path, str | None]:
    """The checkpoint that a source stands for, and its sha256 where a commit vouches for it."""
    if source.startswith(("models:/", "runs:/")):
        from .tracking import fetch_checkpoint

        return fetch_checkpoint(source, tracking_uri()), None
    if source.endswith(".pt") or "/" in source:
        return Path(source), None
    return _of_run(source)


def _of_run(name: str) -> tuple[Path, str]:
    from .store.trajectory import TrajectoryStore

    known = sorted(path.parent.name for path in artifacts().glob("runs/*/trajectory.zarr"))
    if name not in known:
        there = f"the runs are {', '.join(known)}" if known else "there is no run yet"
        raise UserError(
            f'There is no run "{name}" in {artifacts()} ({there}); give a run\'s name, a '
            "checkpoint (.pt), models:/NAME/VERSION, or fixed:DT, freefall:ETA, aarseth:ETA, "
            "oracle:THRESHOLD."
        )
    folder = RunFolder(name)
    commit = TrajectoryStore.read_only(folder.store).commit
    if not commit.checkpoint:
        raise UserError(f'Run "{name}" has no model yet; train it first.')
    return folder.checkpoints / commit.checkpoint, commit.checkpoint_sha256


def _sizes(checkpoint: dict[str, Any]) -> tuple[int, int]:
    """N and D."""
    n, d = int(checkpoint["bodies"]), int(checkpoint["dimensions"])
    if n < 2 or d < 1:
        raise ValueError(f"{n} bodies in {d} dimensions")
    return n, d


def _learned(source: str, checkpoint: dict[str, Any]) -> Step:
    try:
        config = RunConfig.model_validate_json(checkpoint["settings"])
        config = config.model_copy(update={"device": "auto", "compile": False})
        n, d = _sizes(checkpoint)
        model = model_of(config, n)
        model.load_state_dict(checkpoint["model"])
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"{source}: its settings and its weights do not make a model of this version "
            f"({str(error).partition(chr(10))[0]}); give another --model, or train it again."
        ) from None
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise CheckpointError(f"{source} has weights that are not finite; give another --model.")
    model.requires_grad_(False)
    return Step(source, step_of(model), gate_of(config), n, d)


@dataclass(frozen=True)
class ModelStep:
    """A model as a rule for systems on any device and in any precision."""

    model: LearnedTimeStep

    @property
    def evaluations(self) -> int:
        """Evaluations of the force that a proposal takes, besides those of the step."""
        return self.model.evaluations

    def _like(self, system: System) -> System:
        return system.to(self.model.centre.device, self.model.centre.dtype)

    @torch.no_grad()
    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """Step of systems without a past."""
        return self.model(self._like(system)).to(system.time)

    def begin(self, system: System) -> Window:
        """The empty window of systems at their start."""
        return self.model.begin(self._like(system)).to(system.time)

    @torch.no_grad()
    def propose(self, system: System, window: Window) -> Float[Tensor, " B"]:
        """Step of each system with its past."""
        known = window.to(self.model.centre)
        return self.model.propose(self._like(system), known).to(system.time)

    @torch.no_grad()
    def update(self, system: System, window: Window) -> Window:
        """The window once `system` has been left behind."""
        known = window.to(self.model.centre)
        return self.model.update(self._like(system), known).to(system.time)


def step_of(model: LearnedTimeStep) -> ModelStep:
    """A model as a rule for systems on any device and in any precision."""
    return ModelStep(model)
