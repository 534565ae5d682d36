"""An ensemble in pieces and threads comes to what its systems come to side by side."""

import pytest
import torch
from problems import FIELD, random_bound

import aitimestepper as ats
from aitimestepper.model.rules import FreeFall
from aitimestepper.physics.gate import Gate
from aitimestepper.simulation import ensemble
from aitimestepper.simulation.ensemble import simulate_ensemble
from aitimestepper.simulation.run import simulate

GATE = Gate(FIELD, 2e-4)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(ensemble, "PIECE", 7)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("options", [{}, {"guard": True}, {"judge": False}], ids=str)
def test_pieces_come_to_the_same_as_one_batch(workers, options):
    system, eta = random_bound(24, 3, 2), torch.linspace(0.02, 0.1, 24).double()
    until, rule = system.time + torch.linspace(0.2, 0.9, 24), FreeFall(eta, FIELD)
    options = {"until": until, "max_steps": 500, **options}
    whole, _ = simulate(system, rule, GATE, **options)
    pieces, _ = simulate_ensemble(system, rule, GATE, workers=workers, **options)
    for name in ("steps", "evaluations", "rejected", "status"):
        assert torch.equal(getattr(pieces, name), getattr(whole, name))
    torch.testing.assert_close(pieces.end.position, whole.end.position, rtol=0, atol=1e-12)
    assert (pieces.violations is None) == ("judge" in options)


def test_threads_of_the_caller_stay_as_they_were():
    system, before = random_bound(16, 3, 2), torch.get_num_threads()
    simulate_ensemble(system, FreeFall(0.1, FIELD), GATE, until=system.time + 0.1, workers=2)
    assert torch.get_num_threads() == before


def test_progress_and_ctrl_c_reach_an_ensemble(monkeypatch):
    monkeypatch.setattr("aitimestepper.api._MANY", 10)
    system, heard = random_bound(30, 3, 2), []
    ats.simulate(system, ats.load("freefall:0.1"), duration=0.5, tell=heard.append)
    assert heard[-1].share == 1

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="nothing was written"):
        ats.simulate(system, ats.load("freefall:0.1"), duration=0.5, tell=interrupt)
