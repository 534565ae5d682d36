"""Gravity's force is the gradient of its energy."""

import pytest
import torch
from problems import numbers, random_bound

from aitimestepper.physics.gravity import Field, Gravity, pairs
from aitimestepper.physics.state import System, assemble

every_case = pytest.mark.parametrize(
    ("bodies", "dimensions", "softening"),
    [(n, d, s) for n in (2, 3, 5) for d in (2, 3) for s in (0.0, 0.01, 1.5)],
)


@every_case
def test_force_is_minus_the_gradient_of_the_energy(bodies, dimensions, softening):
    field, system = Gravity(softening), random_bound(3, bodies, dimensions)
    position = system.position.clone().requires_grad_()
    moved = System(system.mass, position, system.velocity, system.time)
    (gradient,) = torch.autograd.grad(field.energy(moved).sum(), position)
    force = system.mass[..., None] * field.acceleration(system)
    torch.testing.assert_close(force, -gradient, rtol=1e-12, atol=1e-13)


@every_case
def test_energy_is_the_sum_over_pairs(bodies, dimensions, softening):
    system = random_bound(3, bodies, dimensions)
    expected = torch.zeros(3, dtype=torch.float64)
    for i in range(bodies):
        for j in range(i):
            square = (system.position[:, i] - system.position[:, j]).square().sum(-1)
            product = system.mass[:, i] * system.mass[:, j]
            expected -= product / (square + softening**2).sqrt()
    torch.testing.assert_close(Gravity(softening).energy(system), expected)


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_forces_between_bodies_cancel(bodies):
    system = random_bound(3, bodies, 3)
    total = (system.mass[..., None] * Gravity(0.1).acceleration(system)).sum(1)
    torch.testing.assert_close(total, torch.zeros_like(total), atol=1e-13, rtol=0)


def test_a_mass_of_four_pulls_from_distance_two_with_one():
    system = assemble(
        numbers(4.0, 1.0)[None],
        torch.stack([numbers(0.0, 0.0), numbers(2.0, 0.0)])[None],
        torch.zeros(1, 2, 2, dtype=torch.float64),
    )
    expected = torch.stack([numbers(0.25, 0.0), numbers(-1.0, 0.0)])[None]
    torch.testing.assert_close(Gravity().acceleration(system), expected)
    torch.testing.assert_close(Gravity().energy(system), numbers(-2.0))


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_every_system_is_pulled_alone_as_in_company(bodies):
    system, field = random_bound(4, bodies, 2), Gravity()
    for b in range(4):
        row = slice(b, b + 1)
        assert torch.equal(field.acceleration(system[row]), field.acceleration(system)[row])
        assert torch.equal(field.energy(system[row]), field.energy(system)[row])


def test_coincident_softened_bodies_do_not_pull():
    system = random_bound(1, 2, 3)
    together = System(system.mass, torch.zeros_like(system.position), system.velocity, system.time)
    assert not Gravity(0.1).acceleration(together).any()


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_every_pair_is_indexed_once(bodies):
    first, second, _ = pairs(bodies, torch.device("cpu"))
    found = sorted(zip(first.tolist(), second.tolist(), strict=True))
    assert found == [(i, j) for i in range(bodies) for j in range(i + 1, bodies)]


def test_force_has_gradients_after_use_in_inference_mode():
    pairs.cache_clear()
    system = random_bound(2, 4, 2)
    with torch.inference_mode():
        Gravity().acceleration(system)
    position = system.position.clone().requires_grad_()
    moved = System(system.mass, position, system.velocity, system.time)
    Gravity().acceleration(moved).sum().backward()
    assert position.grad is not None


def test_gravity_is_a_field():
    assert isinstance(Gravity(), Field)
