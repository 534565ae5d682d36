"""What the store gives back is, bit for bit, what the phases trained on."""

import pytest
import torch

from aitimestepper.build import build
from aitimestepper.settings import RunConfig
from aitimestepper.store.schema import EPISODE_START, STOPPED, WARM_UP
from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import flatten
from tasks import rows as module
from tasks.rows import recorded_of, rows_of

STEPS = 40


def run(**changes):
    """A training, its transitions, and what phase 2 would have of them."""
    config = RunConfig.model_validate(
        {
            "orbits": 3,
            "energy_threshold": 5e-3,
            "network": {"hidden": (8,)},
            "restart": {"periods": 0.3},
            **changes,
        }
    )
    training, recorded = build(config), Recorded()
    seen = [e for e in collect(training, steps=STEPS) if isinstance(e, Transition)]
    for t in seen:
        recorded.append(t.samples.take(t.running), t.warm[t.running])
    return training, seen, recorded


@pytest.mark.parametrize("chunk", [5, 8192])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"history": {"length": 2}},
        {"history": {"length": 3}, "features": {"kind": "delta_mag"}},
        {"history": {"length": 1}, "features": {"kind": "rich"}},
        {"history": {"length": 50}},
        {"history": {"length": 2}, "restart": {"periods": 0.2, "at_end": "stop"}},
    ],
)
def test_samples_come_back_with_the_past_they_were_accepted_with(changes, chunk, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    training, seen, recorded = run(**changes)
    again = recorded_of(rows_of(seen, 1), training.orbits.system.mass.numpy(), training)
    everything = slice(None)
    assert len(again) == len(recorded) > 0
    for one, two in zip(
        flatten(again.take(everything)), flatten(recorded.take(everything)), strict=True
    ):
        assert torch.equal(one, two)


def test_flags_tell_starts_warm_up_and_stops():
    _, seen, _ = run(history={"length": 2}, restart={"periods": 0.2, "at_end": "stop"})
    flags = torch.from_numpy(rows_of(seen, 1).flags)
    for bit, masks in (
        (EPISODE_START, [t.fresh for t in seen]),
        (WARM_UP, [t.warm for t in seen]),
        (STOPPED, [~t.running for t in seen]),
    ):
        assert torch.equal((flags & bit) != 0, torch.stack(masks))
        assert torch.stack(masks).any()


def test_epoch_without_a_step_has_no_rows():
    assert rows_of([], 1) is None
