"""The learned step is positive, bounded, and scales with the system, whatever the weights."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import FIELD, equal_pair, random_bound
from torch import nn

from aitimestepper.model.features import Dimensionless
from aitimestepper.model.network import perceptron
from aitimestepper.model.timestep import LearnedTimeStep
from aitimestepper.physics.state import System
from aitimestepper.physics.timescales import free_fall_time

BOUNDS = {"eta_min": 1e-4, "eta_max": 2.0, "eta_start": 0.2}


def model_for(bodies, weights=None, **changes):
    """A model; `weights` replaces the standard deviation of its last layer."""
    torch.manual_seed(0)
    features = Dimensionless(FIELD)
    size = features.size(bodies)
    network = perceptron(size, (16, 16), activation="silu", dtype=torch.float64)
    if weights is not None:
        nn.init.normal_(network[-1].weight, std=weights)
    options = {**BOUNDS, **changes}
    return LearnedTimeStep(network, features, size=size, dtype=torch.float64, **options)


def eta(model, system):
    with torch.no_grad():
        return model(system) / free_fall_time(system, FIELD)


@pytest.mark.parametrize("bodies", [2, 3])
@pytest.mark.parametrize("start", [0.01, 0.2, 1.0])
def test_untrained_model_proposes_eta_start_everywhere(bodies, start):
    found = eta(model_for(bodies, 0.0, eta_start=start), random_bound(50, bodies, 2))
    torch.testing.assert_close(found, torch.full_like(found, start))


@pytest.mark.parametrize("bodies", [2, 3])
def test_freshly_drawn_model_proposes_nearly_eta_start(bodies):
    found = eta(model_for(bodies), random_bound(50, bodies, 2))
    torch.testing.assert_close(found, torch.full_like(found, 0.2), rtol=0.05, atol=0)


@pytest.mark.parametrize("bodies", [2, 3])
@pytest.mark.parametrize("weights", [1.0, 1e3, 1e12, 1e150])
def test_no_weights_leave_the_bounds(bodies, weights):
    found = eta(model_for(bodies, weights), random_bound(200, bodies, 3))
    assert (found >= 1e-4 * (1 - 1e-12)).all()
    assert (found <= 2.0 * (1 + 1e-12)).all()
    if weights > 1.0:
        assert found.min() < 1.1e-4
        assert found.max() > 1.9


@given(
    seed=st.integers(0, 2**31),
    bodies=st.sampled_from([2, 3]),
    length=st.floats(1e-3, 1e3),
    mass=st.floats(1e-3, 1e3),
)
def test_step_scales_as_time(seed, bodies, length, mass):
    model, system = model_for(bodies, 1.0), random_bound(5, bodies, 3, seed)
    speed, time = (mass / length) ** 0.5, (length**3 / mass) ** 0.5
    scaled = System(
        mass * system.mass, length * system.position, speed * system.velocity, system.time
    )
    with torch.no_grad():
        torch.testing.assert_close(model(scaled), time * model(system), rtol=1e-6, atol=0)


@pytest.mark.parametrize("bodies", [2, 3])
def test_every_system_gets_the_same_step_alone_as_in_company(bodies):
    """To a few rounding errors: a matrix product may add up in another order for more rows."""
    model, system = model_for(bodies, 1.0), random_bound(6, bodies, 2)
    with torch.no_grad():
        alone = torch.cat([model(system[b : b + 1]) for b in range(6)])
        torch.testing.assert_close(model(system), alone, rtol=1e-13, atol=0)


def test_neighbour_without_a_number_changes_no_step():
    model, system = model_for(2, 1.0), random_bound(3, 2, 2)
    broken = system.position.clone()
    broken[1] = torch.nan
    with torch.no_grad():
        found = model(System(system.mass, broken, system.velocity, system.time))
        assert torch.equal(found[[0, 2]], model(system)[[0, 2]])
    assert found[1].isnan()


@pytest.mark.parametrize("phase", [0.0, 1e-9, math.pi, -1.0])
@pytest.mark.parametrize("eccentricity", [0.0, 0.5, 0.999])
def test_step_and_its_gradient_are_numbers_everywhere_on_an_orbit(eccentricity, phase):
    model = model_for(2, 1.0)
    step = model(equal_pair(eccentricity, phase))
    step.log().sum().backward()
    assert step.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_normalised_features_have_mean_zero_and_spread_one():
    model, system = model_for(3), random_bound(500, 3, 2)
    model.normalise(system)
    features = model.inputs(system).features
    torch.testing.assert_close(features.mean(0), torch.zeros_like(features[0]), atol=1e-9, rtol=0)
    torch.testing.assert_close(features.std(0), torch.ones_like(features[0]))


def test_feature_that_never_varies_is_not_blown_up():
    model, system = model_for(2), equal_pair(0.3).repeat(4)
    model.normalise(system)
    assert torch.equal(model.spread, torch.ones_like(model.spread))
    assert model.inputs(system).features.abs().max() < 1e-12


def test_normalisation_travels_with_the_weights():
    model, other, system = model_for(2, 1.0), model_for(2), random_bound(50, 2, 2)
    model.normalise(system)
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(other(system), model(system))


def test_rows_of_inputs_are_the_inputs_of_rows():
    model, system = model_for(3), random_bound(4, 3, 2)
    rows = torch.tensor([2, 0])
    assert all(map(torch.equal, model.inputs(system).take(rows), model.inputs(system[rows])))
