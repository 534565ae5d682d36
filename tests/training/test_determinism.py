"""A training is a function of its seed, and goes on from its saved state bit for bit."""

import io

import torch

from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.generalize import generalize
from aitimestepper.training.recorded import Recorded

OPTIONS = {"batch_size": 16, "failing_size": 8, "sweep_every": 5, "min_iterations": 5}


def epoch(training, recorded):
    for event in collect(training, steps=4):
        if isinstance(event, Transition):
            recorded.append(event.samples)
    for _ in generalize(training, recorded, **OPTIONS):
        pass


def trained(training, epochs=2):
    recorded = Recorded()
    for _ in range(epochs):
        epoch(training, recorded)
    return training, recorded


def through_disk(state):
    """What a checkpoint makes of a state: plain data, loaded without pickle."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_same_seed_gives_the_same_bits(start, weights, same):
    one, two = (trained(start(seed=3))[0] for _ in range(2))
    assert one.optimiser.updates == two.optimiser.updates > 0
    assert same(weights(one), weights(two))
    assert all(map(torch.equal, one.orbits.system, two.orbits.system))


def test_training_does_not_draw_from_the_global_randomness(start, weights, same):
    one, _ = trained(start(seed=3))
    two = start(seed=3)
    torch.manual_seed(99)
    trained(two)
    assert same(weights(one), weights(two))


def test_another_seed_gives_other_weights(start, weights, same):
    one, two = (trained(start(seed=seed))[0] for seed in (3, 4))
    assert not same(weights(one), weights(two))


def test_training_restored_between_two_epochs_goes_on_bit_for_bit(start, weights, same):
    through, recorded = trained(start(seed=3, periods=0.1))
    restored = start(seed=8, periods=0.1)
    restored.load_state_dict(through_disk(through.state_dict()))
    again = Recorded()
    again.append(recorded.take(slice(None)))
    epoch(through, recorded)
    epoch(restored, again)
    assert same(weights(restored), weights(through))
    assert all(map(torch.equal, restored.orbits.system, through.orbits.system))
    assert torch.equal(restored.orbits.fresh, through.orbits.fresh)
    assert torch.equal(restored.generator.get_state(), through.generator.get_state())


def test_training_restored_in_the_middle_of_an_epoch_goes_on_bit_for_bit(start, weights, same):
    through, recorded = trained(start(seed=3), epochs=1)
    for event in collect(through, steps=4):
        if isinstance(event, Transition):
            recorded.append(event.samples)
    restored, again = start(seed=8), Recorded()
    restored.load_state_dict(through_disk(through.state_dict()))
    again.append(recorded.take(slice(None)))
    one, two = (
        list(generalize(t, r, **OPTIONS)) for t, r in ((through, recorded), (restored, again))
    )
    assert one == two
    assert same(weights(restored), weights(through))


def test_restored_training_counts_its_updates_on(start):
    through, _ = trained(start(seed=3))
    restored = start(seed=8)
    restored.load_state_dict(through.state_dict())
    assert restored.optimiser.updates == through.optimiser.updates
    assert restored.optimiser.skipped == through.optimiser.skipped
