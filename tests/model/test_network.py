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
