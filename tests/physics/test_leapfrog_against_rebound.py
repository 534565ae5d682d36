"""The leapfrog agrees with REBOUND's to rounding over a thousand fixed steps.

REBOUND's is drift-kick-drift, ours kick-drift-kick. Written in order of time, with D and K for a
whole drift and kick and d, k for half ones, n steps of ours are

    k D k  k D k ...  k D k  =  k D K D K ... K D k  =  k d (d K d)(d K d) ... (d K d) d k

with n - 1 brackets, for two half drifts in a row are a whole one. A bracket is one step of
REBOUND. So our n steps are its n - 1, with a half kick and a half drift before and after.
"""

import numpy as np
import pytest
import rebound
import torch
from problems import FIELD, binaries, figure_eight, random_bound

from aitimestepper.physics.integrators import leapfrog

STEPS = 1000


def pull(mass, position):
    """Acceleration by the textbook, body by body."""
    result = np.zeros_like(position)
    for i in range(len(mass)):
        for j in range(len(mass)):
            if i != j:
                away = position[j] - position[i]
                result[i] += mass[j] * away / np.linalg.norm(away) ** 3
    return result


def kicked_and_drifted_by_rebound(mass, position, velocity, dt):
    """`STEPS` kick-drift-kick steps, all but the ends by REBOUND; arrays (N, 3)."""
    velocity = velocity + 0.5 * dt * pull(mass, position)
    position = position + 0.5 * dt * velocity
    simulation = rebound.Simulation()
    simulation.integrator = "leapfrog"
    simulation.dt = dt
    for m, x, v in zip(mass, position, velocity, strict=True):
        simulation.add(m=m, x=x[0], y=x[1], z=x[2], vx=v[0], vy=v[1], vz=v[2])
    simulation.steps(STEPS - 1)
    position = np.array([particle.xyz for particle in simulation.particles])
    velocity = np.array([particle.vxyz for particle in simulation.particles])
    position = position + 0.5 * dt * velocity
    return position, velocity + 0.5 * dt * pull(mass, position)


def ours(system, dt):
    """The same steps by the library."""
    length, acceleration = torch.full_like(system.time, dt), None
    for _ in range(STEPS):
        system, acceleration = leapfrog(system, length, FIELD, acceleration)
    return system


def in_space(tensor):
    """The first system of a batch with D = 2 or 3, as an array (N, 3)."""
    return torch.nn.functional.pad(tensor[0], (0, 3 - tensor.shape[-1])).numpy()


@pytest.mark.parametrize(
    ("system", "dt"),
    [
        (binaries()[0][0:1], 0.02),
        (binaries(3)[0][1:2], 0.03),
        (binaries(3)[0][2:3], 0.005),
        (figure_eight(), 0.01),
        (random_bound(1, 3, 3), 1e-3),
    ],
    ids=["circular", "unequal, inclined", "eccentric", "figure eight", "random three"],
)
def test_thousand_steps_end_where_rebound_ends(system, dt):
    position, velocity = kicked_and_drifted_by_rebound(
        system.mass[0].numpy(), in_space(system.position), in_space(system.velocity), dt
    )
    end = ours(system, dt)
    assert np.abs(in_space(end.position) - in_space(system.position)).max() > 0.1
    np.testing.assert_allclose(in_space(end.position), position, rtol=0, atol=2e-12)
    np.testing.assert_allclose(in_space(end.velocity), velocity, rtol=0, atol=2e-12)
