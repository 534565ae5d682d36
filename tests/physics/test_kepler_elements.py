"""A binary from elements has the size, speed and period that its elements say."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from problems import FIELD, numbers

from aitimestepper.physics.conserved import angular_momentum, momentum, total_energy
from aitimestepper.physics.kepler import binary, eccentric_anomaly, period, propagate

elements = st.fixed_dictionaries(
    {
        "axis": st.floats(0.01, 100),
        "eccentricity": st.floats(0, 0.999),
        "ratio": st.sampled_from([1.0, 0.3, 1e-3, 1e-6, 1e6]),
        "phase": st.floats(-math.pi, math.pi),
        "pericentre": st.floats(-math.pi, math.pi),
        "inclination": st.floats(0, math.pi),
        "dimensions": st.sampled_from([2, 3]),
    }
)


def pair(given_elements):
    """The binary, its axis and its eccentricity."""
    e = given_elements
    axis, eccentricity = numbers(e["axis"]), numbers(e["eccentricity"])
    system = binary(
        axis,
        eccentricity,
        numbers(1.0, e["ratio"])[None],
        mean_anomaly=numbers(e["phase"]),
        pericentre=numbers(e["pericentre"]),
        inclination=numbers(e["inclination"]),
        dimensions=e["dimensions"],
    )
    return system, axis, eccentricity


def relative(system):
    """Separation and relative velocity, with shape (B, D)."""
    return system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]


@given(elements)
def test_speed_follows_vis_viva(e):
    system, axis, _ = pair(e)
    x, v = relative(system)
    speed = (system.mass.sum(-1) * (2 / x.norm(dim=-1) - 1 / axis)).sqrt()
    torch.testing.assert_close(v.norm(dim=-1), speed, rtol=1e-12, atol=0)


@given(elements)
def test_separation_lies_on_the_ellipse(e):
    system, axis, eccentricity = pair(e)
    anomaly = eccentric_anomaly(numbers(e["phase"]), eccentricity)
    expected = axis * (1 - eccentricity * anomaly.cos())
    torch.testing.assert_close(relative(system)[0].norm(dim=-1), expected, rtol=1e-10, atol=0)


@given(elements)
def test_angular_momentum_is_that_of_the_ellipse(e):
    system, axis, eccentricity = pair(e)
    mass = system.mass.sum(-1)
    reduced = system.mass.prod(-1) / mass
    expected = reduced * (mass * axis * (1 - eccentricity.square())).sqrt()
    found = angular_momentum(system)
    torch.testing.assert_close(found.norm(dim=-1), expected, rtol=1e-9, atol=0)
    inclination = e["inclination"] if e["dimensions"] == 3 else 0.0
    torch.testing.assert_close(
        found[:, 2], expected * math.cos(inclination), rtol=1e-9, atol=1e-9 * expected.item()
    )


@given(elements)
@example(
    {
        "axis": 1.7,
        "eccentricity": 0.999,
        "ratio": 0.2,
        "phase": 0.0,
        "pericentre": 0.8,
        "inclination": 2.0,
        "dimensions": 3,
    }
)
def test_energy_is_that_of_the_semi_major_axis(e):
    system, axis, eccentricity = pair(e)
    expected = -system.mass.prod(-1) / (2 * axis)
    rounding = 1e-14 / (1 - eccentricity.item())  # kinetic and potential energy nearly cancel
    torch.testing.assert_close(total_energy(system, FIELD), expected, rtol=rounding, atol=0)


@given(elements)
def test_centre_of_mass_rests_at_the_origin(e):
    system, axis, _ = pair(e)
    x, v = relative(system)
    place = (system.mass[..., None] * system.position).sum(1).norm(dim=-1)
    assert (place <= 1e-14 * system.mass.sum(-1) * x.norm(dim=-1)).all()
    assert (momentum(system).norm(dim=-1) <= 1e-14 * system.mass.sum(-1) * v.norm(dim=-1)).all()


def test_pericentre_points_where_its_angle_says():
    angle = numbers(0.0, 1.0, -2.5)
    system = binary(
        numbers(1.0, 2.0, 3.0),
        numbers(0.1, 0.5, 0.9),
        torch.ones(3, 2, dtype=torch.float64),
        pericentre=angle,
    )
    x, _ = relative(system)
    torch.testing.assert_close(torch.atan2(x[:, 1], x[:, 0]), angle)
    torch.testing.assert_close(x.norm(dim=-1), numbers(0.9, 1.0, 0.3))


def test_binary_moves_counterclockwise_from_pericentre():
    system = binary(numbers(1.0), numbers(0.5), numbers(2.0, 1.0)[None])
    x, v = relative(system)
    torch.testing.assert_close(x, numbers(0.5, 0.0)[None])
    torch.testing.assert_close(v, numbers(0.0, 3.0)[None])


def test_period_is_keplers_third_law():
    torch.testing.assert_close(
        period(numbers(1.0, 4.0), torch.tensor([[0.25, 0.75], [2.0, 2.0]]).double()),
        numbers(2 * math.pi, 8 * math.pi),
    )


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("eccentricity", [0.0, 0.5, 0.9, 0.999])
def test_a_period_of_mean_anomaly_is_a_closed_orbit(eccentricity, dimensions):
    mass, axis = numbers(1.0, 1e-6)[None], numbers(0.7)

    def at(phase):
        return binary(
            axis, numbers(eccentricity), mass, mean_anomaly=numbers(phase), dimensions=dimensions
        )

    torch.testing.assert_close(at(0.4).position, at(0.4 + 2 * math.pi).position)
    moved = propagate(at(0.4), period(axis, mass) / 3)
    torch.testing.assert_close(moved.position, at(0.4 + 2 * math.pi / 3).position)
    torch.testing.assert_close(moved.velocity, at(0.4 + 2 * math.pi / 3).velocity)
