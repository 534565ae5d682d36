"""Ways in which a phase can fail; each leaves what was committed before untouched."""

from ..errors import UserError


class AttemptsExhausted(UserError):
    """Phase 1 reached its optional cap of attempts."""


class IterationsExhausted(UserError):
    """Phase 2 reached its optional cap of iterations."""


class TrainingDiverged(UserError):
    """Gradients stopped being finite for good."""
