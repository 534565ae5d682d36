"""One real SQLite store for the session, and a module that is cheap to export."""

import uuid

import numpy as np
import pytest
import torch
from torch import nn

from aitimestepper.tracking import open_run


class PairStep(nn.Module):
    """dt of two bodies: free-fall time times a small network of log separation and speed."""

    def __init__(self, dimensions):
        super().__init__()
        self.dimensions = dimensions
        self.network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()

    def forward(self, bodies):
        """Maps (B, 2, 1 + 2 D) to (B,)."""
        mass, phase = bodies[..., 0], bodies[:, 1, 1:] - bodies[:, 0, 1:]
        distance = phase[:, : self.dimensions].norm(dim=-1)
        speed = phase[:, self.dimensions :].norm(dim=-1)
        eta = self.network(torch.stack([distance.log(), speed], -1))[:, 0].exp()
        return (distance**3 / mass.sum(-1)).sqrt() * eta


@pytest.fixture(scope="session")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('ml flow')}/mlflow.db"


@pytest.fixture
def name():
    return f"run-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def run(uri, name):
    return open_run(uri, name=name, run_id=None, parameters={}, tags={})


@pytest.fixture(scope="session")
def module():
    torch.manual_seed(0)
    return PairStep(2)


@pytest.fixture(scope="session")
def bodies():
    """Eight states of two bodies in the plane, with shape (8, 2, 5)."""
    return np.random.default_rng(0).uniform(0.5, 2.0, (8, 2, 5))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "0007-generalize.pt"
    path.write_bytes(b"\x80weights" * 100)
    return path


@pytest.fixture(scope="session")
def logged(uri, module, bodies, checkpoint):
    """A run with two versions of one registered model; the second example is a single system."""
    run = open_run(uri, name="pair", run_id=None, parameters={}, tags={})
    described = {"name": "pair", "checkpoint": checkpoint, "identity": "uuid@8:abc"}
    for example in (bodies, bodies[:1]):
        version = run.log_model(module, example, **described, metadata={"bodies": 2})
    return run, version
