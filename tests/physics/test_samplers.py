"""Samplers draw what their names and sources say, bound and in the centre-of-mass frame."""

import math

import numpy as np
import pytest
import torch
from problems import FIELD, figure_eight

from aitimestepper.physics import initial_conditions as ic
from aitimestepper.physics.conserved import kinetic_energy, momentum, total_energy
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.kepler import elements
from aitimestepper.physics.state import System, assemble, centre
from aitimestepper.simulation.cases import load_cases, scattering

COUNT = 400
SAMPLERS = {
    "kepler": ic.KeplerOrbits(),
    "figure_eight": ic.figure_eight(perturbation=0.01),
    "pythagorean": ic.pythagorean(dimensions=3, perturbation=0.01),
    "plummer": ic.Plummer(bodies=5),
    "disc": ic.Uniform(bodies=4, dimensions=2),
    "ball": ic.Uniform(bodies=3, dimensions=3, virial_ratio=(0.2, 0.2)),
    "scattering": ic.Scattering(),
    "triples": ic.HierarchicalTriples(),
    "triples3": ic.HierarchicalTriples(dimensions=3),
    "moved": ic.Moved(ic.KeplerOrbits(), scale=3.0),
}
EVERY = pytest.mark.parametrize("name", SAMPLERS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(sampler, count=COUNT, seed=0):
    generator = seeded(seed)
    return sampler.draw(sampler.masses(count, generator), generator)


def virial(system):
    return kinetic_energy(system) / -FIELD.energy(system)


@EVERY
def test_shapes_and_dtype_are_those_of_a_system(name):
    sampler = SAMPLERS[name]
    system, period = drawn(sampler, 7)
    assert system.position.shape == system.velocity.shape == (7, sampler.bodies, sampler.dimensions)
    assert {t.dtype for t in (*system, period)} == {torch.float64}
    assert isinstance(sampler, ic.Sampler)
    assert (period > 0).all()
    assert not system.time.any()


@EVERY
def test_every_draw_is_bound_and_centred(name):
    system, _ = drawn(SAMPLERS[name])
    assert (total_energy(system, FIELD) < 0).all()
    assert (system.mass > 0).all()
    place = (system.mass[..., None] * system.position).sum(1)
    torch.testing.assert_close(place, torch.zeros_like(place), atol=1e-12, rtol=0)
    torch.testing.assert_close(momentum(system), torch.zeros_like(place), atol=1e-12, rtol=0)


@EVERY
def test_generator_alone_decides(name):
    one, two, three = (drawn(SAMPLERS[name], 5, seed) for seed in (1, 1, 2))
    assert torch.equal(one.system.position, two.system.position)
    assert not torch.equal(one.system.position, three.system.position)


def test_undisturbed_figure_eight_is_the_published_one_and_closes():
    system, period = drawn(ic.figure_eight(), 2)
    torch.testing.assert_close(system[:1].position, figure_eight().position)
    torch.testing.assert_close(system[:1].velocity, figure_eight().velocity)
    end, steps = system, 4000
    for _ in range(steps):
        end = leapfrog(end, period / steps, FIELD).system
    torch.testing.assert_close(end.position, system.position, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["figure-eight", "pythagorean"])
def test_published_systems_are_those_of_the_case_file(name):
    sampler = {"figure-eight": ic.figure_eight, "pythagorean": ic.pythagorean}[name]()
    case = centre(load_cases()[name].system)
    torch.testing.assert_close(drawn(sampler, 1).system.position, case.position)
    torch.testing.assert_close(drawn(sampler, 1).system.velocity, case.velocity)


def test_disturbance_is_as_large_as_asked_for():
    exact, system = (
        drawn(ic.figure_eight(), 1).system,
        drawn(ic.figure_eight(perturbation=0.1)).system,
    )
    size = exact.position.square().sum(-1).mean().sqrt()
    miss = (system.position - exact.position).square().sum((1, 2)).mean().sqrt()
    free = math.sqrt(2 * (3 - 1))  # the centre of mass keeps its place
    assert miss.item() == pytest.approx(0.1 * size.item() * free, rel=0.1)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("family", [ic.Plummer, ic.Uniform])
def test_virial_ratio_is_the_one_asked_for(family, ratio):
    system, _ = drawn(family(bodies=6, virial_ratio=(ratio, ratio)))
    torch.testing.assert_close(virial(system), torch.full((COUNT,), ratio).double())


def test_virial_ratios_fill_their_range():
    ratio = virial(drawn(ic.Uniform(virial_ratio=(0.1, 0.9))).system)
    assert 0.1 <= ratio.min() < 0.15
    assert 0.85 < ratio.max() <= 0.9


def test_many_bodies_make_a_plummer_sphere():
    """Cumulative mass and isotropy against Plummer's own formulas, by Kolmogorov and Smirnov."""
    bodies, scale = 1000, 3 * math.pi / 16
    system, _ = drawn(ic.Plummer(bodies=bodies, mass_range=(1.0, 1.0)), 8)
    radius = system.position.norm(dim=-1).flatten().sort().values
    exact = (radius / scale) ** 3 / (1 + (radius / scale) ** 2) ** 1.5 / 0.999
    found = torch.arange(1, len(radius) + 1).double() / len(radius)
    assert (found - exact).abs().max() < 1.63 / math.sqrt(len(radius)) + 0.005
    cosine = (system.position[..., 2] / system.position.norm(dim=-1)).flatten().sort().values
    assert (found - 0.5 * (1 + cosine)).abs().max() < 1.63 / math.sqrt(len(radius))
    energy = total_energy(system, FIELD)
    assert energy.mean().item() == pytest.approx(-0.25, rel=0.05)


def test_speeds_of_a_plummer_sphere_follow_its_distribution():
    """Mean square of v over escape speed: the integral of q^4 (1 - q^2)^3.5 over that of q^2."""
    system, _ = drawn(ic.Plummer(bodies=1000, mass_range=(1.0, 1.0)), 8)
    scale = 3 * math.pi / 16
    radius = system.position.norm(dim=-1) / scale
    escape = (2 / scale) ** 0.5 * (1 + radius**2) ** -0.25
    q = (system.velocity.norm(dim=-1) / escape).flatten()
    grid = np.linspace(0, 1, 100001)
    weight = grid**2 * (1 - grid**2) ** 3.5
    for power in (2, 4):
        exact = (weight * grid**power).sum() / weight.sum()
        assert q.pow(power).mean().item() == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_uniform_bodies_fill_their_ball(dimensions):
    sampler = ic.Uniform(bodies=2000, dimensions=dimensions, mass_range=(1.0, 1.0))
    radius = drawn(sampler, 4).system.position.norm(dim=-1).flatten()
    for r in (0.3, 0.6, 0.9):
        inside = (radius < r).double().mean().item()
        assert inside == pytest.approx(r**dimensions, abs=0.02)


def test_masses_keep_their_ratio_and_their_sum():
    mass = ic.Plummer(bodies=6, mass_range=(0.2, 0.8), total_mass=5.0).masses(COUNT, seeded())
    torch.testing.assert_close(mass.sum(-1), torch.full((COUNT,), 5.0).double())
    assert (mass.amax(-1) / mass.amin(-1)).max() <= 4.0
    assert mass.std(-1).min() > 0


def test_scattering_draws_cover_the_recipe_and_look_like_its_members():
    system, _ = drawn(ic.Scattering(), 2000)
    gap = system.position[:, 1:] - system.position[:, :1]
    places = gap.flatten(1)
    for column, (low, high) in zip(places.T, ((5, 20), (0, 10), (-10, 0), (5, 20)), strict=True):
        assert low <= column.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < column.max() <= high
    member = scattering(1000)
    torch.testing.assert_close(system[:1].velocity, member.velocity)
    torch.testing.assert_close(system[:1].mass, member.mass)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_triples_are_two_kepler_orbits_of_the_asked_shape(dimensions):
    sampler = ic.HierarchicalTriples(
        eccentricity=(0.3, 0.5),
        semi_major_axis=(1.0, 1.5),
        outer_eccentricity=(0.1, 0.4),
        separation=(1.5, 2.0),
        dimensions=dimensions,
    )
    system, _ = drawn(sampler)
    inner = elements(system_of(system, [0, 1]))
    pair = system.mass[:, :2].sum(-1)
    weight = (system.mass[:, :2] / pair[:, None])[..., None]
    place = [(weight * u[:, :2]).sum(1) for u in (system.position, system.velocity)]
    outer = elements(
        assemble(
            torch.stack([pair, system.mass[:, 2]], -1),
            torch.stack([place[0], system.position[:, 2]], 1),
            torch.stack([place[1], system.velocity[:, 2]], 1),
        )
    )
    for orbit, limits in ((inner, (0.3, 0.5)), (outer, (0.1, 0.4))):
        assert limits[0] <= orbit.eccentricity.min()
        assert orbit.eccentricity.max() <= limits[1]
    assert inner.semi_major_axis.min() >= 1.0
    assert inner.semi_major_axis.max() <= 1.5
    q, e = system.mass[:, 2] / pair, outer.eccentricity
    critical = 2.8 * ((1 + q) * (1 + e) / (1 - e).sqrt()) ** 0.4
    separation = outer.semi_major_axis * (1 - e) / inner.semi_major_axis / critical
    assert separation.min() + 1e-9 >= 1.5
    assert separation.max() <= 2.0 + 1e-9


def system_of(system, bodies):
    return System(
        system.mass[:, bodies], system.position[:, bodies], system.velocity[:, bodies], system.time
    )


def test_scale_keeps_the_shape_of_an_orbit():
    small, large = drawn(ic.KeplerOrbits()), drawn(ic.Moved(ic.KeplerOrbits(), scale=4.0))
    one, two = elements(small.system), elements(large.system)
    torch.testing.assert_close(two.eccentricity, one.eccentricity, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(two.semi_major_axis, 4.0 * one.semi_major_axis)
    torch.testing.assert_close(large.period, 8.0 * small.period)


def test_frame_is_moved_and_nothing_inside_it():
    moved = drawn(ic.Moved(ic.Uniform(dimensions=3), offset=5.0, boost=-2.0)).system
    still = drawn(ic.Uniform(dimensions=3)).system
    weight = (moved.mass / moved.mass.sum(-1, keepdim=True))[..., None]
    along = torch.tensor([1.0, 0.0, 0.0]).double()
    torch.testing.assert_close((weight * moved.position).sum(1), 5.0 * along.expand(COUNT, 3))
    torch.testing.assert_close((weight * moved.velocity).sum(1), -2.0 * along.expand(COUNT, 3))
    torch.testing.assert_close(centre(moved).position, still.position, atol=1e-12, rtol=0)
