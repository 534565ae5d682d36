"""Where orbits begin: settings of the initial conditions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, model_validator

from .kinds import Eccentricities, NonNegative, Numbers, Positive, PositiveRange, Section, Shares


def _bodies(value: Any) -> Any:
    """Rows of bodies where the path of a file is given; only then torch is needed."""
    from ..bodies import read_bodies

    if not isinstance(value, str):
        return value
    system = read_bodies(value)
    parts = (system.mass[0, :, None], system.position[0], system.velocity[0])
    return [
        [number for part in body for number in part.tolist()] for body in zip(*parts, strict=True)
    ]


class InitialConditionsSection(Section):
    """Where orbits begin: a sampler of `physics.initial_conditions`, and its arguments."""

    kind: Literal[
        "kepler",
        "triple",
        "uniform",
        "plummer",
        "scattering",
        "figure_eight",
        "pythagorean",
        "file",
    ] = Field(default="kepler", description="family of systems")
    dimensions: Literal[2, 3] = Field(default=2, description="dimensions of space")
    eccentricity: Eccentricities = Field(
        default=(0.0, 0.9), description="range of eccentricities, of the inner orbit of a triple"
    )
    semi_major_axis: PositiveRange = Field(
        default=(0.5, 2.0), description="range of (inner) semi-major axes [length]"
    )
    mass_ratio: PositiveRange = Field(default=(0.1, 1.0), description="range of m2 / m1")
    total_mass: Positive = Field(default=1.0, description="mass of a system, G = 1 [mass]")
    outer_eccentricity: Eccentricities = Field(
        default=(0.0, 0.6), description="range of eccentricities of the outer orbit (triple)"
    )
    outer_mass_ratio: PositiveRange = Field(
        default=(0.1, 1.0), description="range of m3 / (m1 + m2) (triple)"
    )
    separation: PositiveRange = Field(
        default=(1.2, 3.0), description="range of the outer orbit over the smallest stable one"
    )
    bodies: Annotated[int, Field(ge=2, le=10_000)] = Field(
        default=3, description="number of bodies (uniform, plummer)"
    )
    mass_range: PositiveRange = Field(
        default=(0.1, 1.0), description="range of masses before scaling to the total"
    )
    virial_ratio: Shares = Field(
        default=(0.5, 0.5), description="range of kinetic over potential energy (uniform, plummer)"
    )
    perturbation: NonNegative = Field(
        default=0.0, description="random displacement over the size of the system"
    )
    rows: Annotated[tuple[Numbers, ...], BeforeValidator(_bodies)] | None = Field(
        default=None,
        description="bodies as rows of mass, position, velocity, or the path of a file of them",
    )
    scale: Positive = Field(default=1.0, description="by which lengths grow, orbits keep shape")
    offset: FiniteFloat = Field(
        default=0.0, description="where the centre of mass is on the x axis [length]"
    )
    boost: FiniteFloat = Field(
        default=0.0, description="speed of the centre of mass along the x axis [length / time]"
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> InitialConditionsSection:
        """Refuse a parameter of another family, which would change nothing."""
        fields = type(self).model_fields
        used = {*SAMPLED[self.kind], "kind", "dimensions", "scale", "offset", "boost"}
        for name in fields.keys() - used:
            if getattr(self, name) != fields[name].default:
                kinds = ", ".join(kind for kind, names in SAMPLED.items() if name in names)
                raise ValueError(
                    f"initial_conditions.{name} belongs to kind {kinds}, the kind is {self.kind}"
                )
        return self

    @model_validator(mode="after")
    def _in_its_dimensions(self) -> InitialConditionsSection:
        only = {"plummer": 3, "scattering": 2}.get(self.kind, self.dimensions)
        if self.dimensions != only:
            raise ValueError(
                f"initial_conditions.kind {self.kind} lives in {only} dimensions, got "
                f"dimensions {self.dimensions}"
            )
        return self

    @model_validator(mode="after")
    def _with_bodies(self) -> InitialConditionsSection:
        if self.kind != "file":
            return self
        if self.rows is None:
            raise ValueError("initial_conditions.kind file needs initial_conditions.rows")
        wanted, lengths = 1 + 2 * self.dimensions, sorted({len(row) for row in self.rows})
        if lengths != [wanted] or len(self.rows) < 2:
            raise ValueError(
                f"initial_conditions.rows needs 2 rows or more of {wanted} numbers in "
                f"{self.dimensions} dimensions, got {len(self.rows)} of {lengths}"
            )
        return self


_ORBIT = ("eccentricity", "semi_major_axis", "mass_ratio", "total_mass", "dimensions")
_GROUP = ("bodies", "mass_range", "total_mass", "virial_ratio")
SAMPLED: dict[str, tuple[str, ...]] = {
    "kepler": _ORBIT,
    "triple": (*_ORBIT, "outer_eccentricity", "outer_mass_ratio", "separation"),
    "uniform": (*_GROUP, "dimensions"),
    "plummer": _GROUP,
    "scattering": (),
    "figure_eight": ("perturbation", "dimensions"),
    "pythagorean": ("perturbation", "dimensions"),
    "file": ("perturbation", "rows"),
}
"""Arguments of the sampler of each family; scale and frame are the same for all."""
