"""The exact motion of two bodies is exact."""

import math

import numpy as np
import pytest
import rebound
import torch
from problems import binaries, numbers

from aitimestepper.physics.kepler import binary, period, propagate
from aitimestepper.physics.state import System


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("share", [-3.7, -0.5, 1e-6, 0.3, 12.9])
def test_motion_back_undoes_motion_forward(share, dimensions):
    start, revolution = binaries(dimensions)
    back = propagate(propagate(start, share * revolution), -share * revolution)
    for one, two in zip(back, start, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("eccentricity", [0.0, 0.1, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("start", [0.0, 0.01, 1.0, math.pi, -2.0])
def test_motion_is_mean_anomaly_that_grows_evenly(eccentricity, start):
    turns = numbers(-2.3, -0.5, 1e-3, 0.25, 0.5, 1.0, 5.4)
    axis, mass = torch.full_like(turns, 1.7), numbers(1.0, 0.2).expand(len(turns), 2)

    def at(phase):
        return binary(
            axis,
            torch.full_like(turns, eccentricity),
            mass,
            mean_anomaly=phase,
            pericentre=torch.full_like(turns, 0.8),
            inclination=torch.full_like(turns, 2.0),
            dimensions=3,
        )

    begin = torch.full_like(turns, start)
    revolution = period(axis, mass)
    moved, truth = propagate(at(begin), turns * revolution), at(begin + 2 * math.pi * turns)
    # The axis, hence the clock, is known from a state to rounding / (1 - e) only.
    late = 1e-14 / (1 - eccentricity) * (0.2 + turns.abs()) * revolution
    separation, speed = (u.diff(dim=1).norm(dim=(1, 2)) for u in (truth.position, truth.velocity))
    force = mass.sum(-1) / separation.square()
    assert ((moved.position - truth.position).norm(dim=(1, 2)) <= speed * late + 1e-13).all()
    assert ((moved.velocity - truth.velocity).norm(dim=(1, 2)) <= force * late + 1e-13).all()


def test_clock_moves_with_the_motion():
    start, revolution = binaries()
    assert torch.equal(propagate(start, 0.3 * revolution).time, 0.3 * revolution)


def test_centre_of_mass_goes_straight():
    start, revolution = binaries(3)
    boost = numbers(0.4, -1.0, 2.0)
    train = System(start.mass, start.position + 3, start.velocity + boost, start.time)
    there, here = propagate(train, revolution * 0.37), propagate(start, revolution * 0.37)
    travelled = 3 + boost * (0.37 * revolution)[:, None]
    torch.testing.assert_close(there.position, here.position + travelled[:, None])
    torch.testing.assert_close(there.velocity, here.velocity + boost)


@pytest.mark.parametrize("row", [0, 1, 2], ids=["circular", "moderate", "eccentric"])
def test_motion_agrees_with_ias15(row):
    start, revolution = binaries(3)
    start, duration = start[row : row + 1], 2.6 * revolution[row : row + 1]
    simulation = rebound.Simulation()
    simulation.integrator = "ias15"
    for m, x, v in zip(start.mass[0], start.position[0], start.velocity[0], strict=True):
        names = ("x", "y", "z", "vx", "vy", "vz")
        simulation.add(m=m.item(), **dict(zip(names, [*x.tolist(), *v.tolist()], strict=True)))
    simulation.integrate(duration.item())
    end = propagate(start, duration)
    for found, name in ((end.position, "xyz"), (end.velocity, "vxyz")):
        expected = np.array([getattr(particle, name) for particle in simulation.particles])
        np.testing.assert_allclose(found[0].numpy(), expected, rtol=0, atol=1e-11)
