"""A perceptron starts as nearly the same number everywhere."""

import pytest
import torch
from torch import nn

from aitimestepper.model.network import ACTIVATIONS, perceptron


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [(8,), (64, 64), (16, 32, 4)])
def test_widths_are_the_ones_asked_for(hidden, activation):
    network = perceptron(5, hidden, activation=activation, dtype=torch.float64)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    assert [layer.in_features for layer in linear] == [5, *hidden]
    assert [layer.out_features for layer in linear] == [*hidden, 1]
    assert sum(isinstance(layer, ACTIVATIONS[activation]) for layer in network) == len(hidden)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_output_is_one_number_per_row_in_the_precision_asked_for(dtype):
    network = perceptron(5, (8,), activation="silu", dtype=dtype)
    output = network(torch.zeros(7, 5, dtype=dtype))
    assert output.shape == (7, 1)
    assert output.dtype == dtype


def test_untrained_output_is_near_zero():
    torch.manual_seed(0)
    network = perceptron(5, (64, 64), activation="silu", dtype=torch.float64)
    assert network(torch.randn(1000, 5, dtype=torch.float64)).abs().max() < 0.05


def test_last_layer_still_passes_a_gradient_to_the_first():
    network = perceptron(5, (8, 8), activation="tanh", dtype=torch.float64)
    network(torch.randn(10, 5, dtype=torch.float64)).sum().backward()
    assert network[0].weight.grad.abs().max() > 0


def test_fourier_features_are_waves_of_the_inputs():
    torch.manual_seed(1)
    network = perceptron(
        3, (8,), activation="silu", dtype=torch.float64, fourier=4, fourier_scale=0.5
    )
    waves, x = network[0], torch.randn(6, 3, dtype=torch.float64)
    phase = 2 * torch.pi * x @ waves.projection.T
    torch.testing.assert_close(waves(x), torch.cat([x, phase.cos(), phase.sin()], 1))
    assert "0.projection" in network.state_dict()


def test_spread_of_fourier_projections_is_the_scale():
    torch.manual_seed(1)
    network = perceptron(
        50, (8,), activation="silu", dtype=torch.float64, fourier=400, fourier_scale=0.3
    )
    assert network[0].projection.std().item() == pytest.approx(0.3, rel=0.02)


def test_dropout_is_drawn_while_training_and_never_while_judging():
    torch.manual_seed(1)
    network = perceptron(3, (64,), activation="silu", dtype=torch.float64, dropout=0.5)
    x = torch.randn(6, 3, dtype=torch.float64)
    network.train()
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
