"""What pushes the bodies, what moves them, and how a step is judged: settings of the motion."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, PositiveInt, model_validator

from .kinds import NonNegative, Numbers, Positive, Section


def _table(value: Any) -> Any:
    """Rows of numbers where the path of a file is given."""
    if not isinstance(value, str):
        return value
    from ..tables import Layout, read_table

    points = Layout("point", "points", {3: "time, x, y", 4: "time, x, y, z"})
    return read_table(value, points).tolist()


class FieldSection(Section):
    """What pushes: arguments of `physics.gravity.Gravity` and `physics.tide.Tide`."""

    softening: NonNegative = Field(default=0.0, description="Plummer softening length [length]")
    tide_mass: NonNegative = Field(
        default=0.0, description="distant point mass whose tide acts, 0 for none [mass]"
    )
    tide_path: Literal["still", "circle", "points"] = Field(
        default="still", description="how that mass moves, seen from the centre of mass"
    )
    tide_position: Annotated[Numbers, Field(min_length=2, max_length=3)] = Field(
        default=(10.0, 0.0), description="where it rests (path still) [length]"
    )
    tide_radius: Positive = Field(
        default=10.0, description="radius of its circle in the x-y plane (path circle) [length]"
    )
    tide_rate: FiniteFloat = Field(
        default=0.1, description="its angular speed (path circle) [rad / time]"
    )
    tide_phase: FiniteFloat = Field(
        default=0.0, description="its angle from the x axis at time 0 (path circle) [rad]"
    )
    tide_points: Annotated[tuple[Numbers, ...], BeforeValidator(_table)] | None = Field(
        default=None,
        description="rows of time and position that it passes (path points), or a file of them",
    )

    @model_validator(mode="after")
    def _of_one_path(self) -> FieldSection:
        """Refuse what says nothing without a tide, or on another path."""
        fields = type(self).model_fields
        used = TIDES[self.tide_path] if self.tide_mass else ()
        for name in fields.keys() - {"softening", "tide_mass", *used}:
            if name == "tide_path" and self.tide_mass:
                continue
            if getattr(self, name) != fields[name].default:
                wanted = f"path {self.tide_path}" if self.tide_mass else "tide_mass 0"
                raise ValueError(f"field.{name} changes nothing with {wanted}")
        return self

    @model_validator(mode="after")
    def _along_points(self) -> FieldSection:
        if self.tide_path != "points" or not self.tide_mass:
            return self
        rows = self.tide_points or ()
        times = [row[0] for row in rows]
        if (
            len(rows) < 2
            or {len(row) for row in rows} not in ({3}, {4})
            or times != sorted(set(times))
        ):
            raise ValueError(
                "field.tide_points needs 2 rows or more of time, x, y (and z), in the order of "
                f"time, got {len(rows)} rows"
            )
        return self


TIDES: dict[str, tuple[str, ...]] = {
    "still": ("tide_position",),
    "circle": ("tide_radius", "tide_rate", "tide_phase"),
    "points": ("tide_points",),
}
"""Which settings each path of the distant mass takes."""


class IntegratorSection(Section):
    """What takes the steps: one of `physics.higher_order.INTEGRATORS`."""

    kind: Literal["leapfrog", "yoshida4", "blanes_moan4", "hermite4"] = Field(
        default="leapfrog", description="integrator"
    )
    substeps: Annotated[PositiveInt, Field(le=1000)] = Field(
        default=1, description="equal steps that one prediction is taken as"
    )


class GateSection(Section):
    """How a step is judged: keyword arguments of `physics.gate.Gate`."""

    probes: PositiveInt = Field(
        default=4, description="fractions of dt at which the energy error is probed, the last at dt"
    )
