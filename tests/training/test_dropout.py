"""Dropout is drawn in updates from the own generator, and never where steps are judged."""

import torch

from aitimestepper.training.collect import Transition, collect


def test_judging_never_drops(start):
    training = start(dropout=0.5)
    inputs = training.model.inputs(training.orbits.system)
    assert torch.equal(training.model.log_dt(inputs), training.model.log_dt(inputs))


def test_updates_with_dropout_are_the_same_for_the_same_seed(start, weights, same):
    def trained():
        torch.manual_seed(99)  # the weights of the network come from here
        training = start(dropout=0.5)
        torch.rand(3)  # somebody else draws from the global generator
        (transition,) = (e for e in collect(training, steps=1) if isinstance(e, Transition))
        for _ in range(5):
            training.update(transition.samples)
        return weights(training)

    assert same(trained(), trained())


def test_updates_with_dropout_leave_the_model_ready_to_judge(start):
    training = start(dropout=0.5)
    (transition,) = (e for e in collect(training, steps=1) if isinstance(e, Transition))
    training.update(transition.samples)
    assert not training.model.training


def test_dropout_changes_what_is_learnt(start, weights, same):
    def trained(share):
        training = start(dropout=share)
        (transition,) = (e for e in collect(training, steps=1) if isinstance(e, Transition))
        for _ in range(3):
            training.update(transition.samples)
        return weights(training)

    assert not same(trained(0.5), trained(0.0))
