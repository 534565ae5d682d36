"""A training through torch.compile: as good as any, and its resumption as exact."""

from __future__ import annotations

import logging

import torch

from aitimestepper.build import build
from aitimestepper.settings import RunConfig
from aitimestepper.training.samples import flatten
from tasks.session import opened

EPOCHS = 3


def config(name, **changes):
    return RunConfig.model_validate(
        {
            "name": name,
            "orbits": 33,
            "steps_per_epoch": 4,
            "epochs": EPOCHS,
            "energy_threshold": 1e-3,
            "history": {"length": 1},
            "network": {"hidden": (16,)},
            "generalize": {"min_iterations": 20},
            **changes,
        }
    )


def test_compiled_run_goes_on_bit_for_bit(told, artifacts, caplog):
    """Samples that are read back carry the bits of the compiled features, not of the others."""
    assert artifacts.is_dir()
    caplog.set_level(logging.INFO, "aitimestepper")
    with opened(config("whole", compile=True)) as session:
        whole = [train(session, epoch) for epoch in range(1, EPOCHS + 1)][-1]
    for epoch in range(1, EPOCHS + 1):
        with opened(config("parts", compile=True)) as session:
            parts = train(session, epoch)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    gains = [r.args[1] for r in caplog.records if "torch.compile" in r.message]
    told(
        "torch.compile",
        f"{EPOCHS} epochs in 1 and in {EPOCHS} parts: bit-identical weights; "
        f"phase 1 at {max(gains):.1f} times the speed",
    )


def test_compiled_attempt_is_the_other_one_to_rounding():
    ours, theirs = (build(config("any", compile=flag)).attempt() for flag in (False, True))
    for one, other in zip(tensors(ours), tensors(theirs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


def tensors(tried):
    return [*flatten(tried.samples), *tried.held.system, *tried.held[1:], tried.failing]


def train(session, epoch):
    session.collect(epoch)
    session.generalize(epoch)
    return {key: value.clone() for key, value in session.training.model.state_dict().items()}
