"""An epoch can be trained with every set of features, with and without history, on any system."""

import pytest

from aitimestepper.build import build
from aitimestepper.settings import RunConfig
from aitimestepper.training.recorded import Recorded
from tasks.phases import collecting, generalizing, ignore

KINDS = [("dimensionless", 0), ("basic", 0), ("rich", 0)]
KINDS += [("dimensionless", 2), ("basic", 2), ("rich", 2), ("delta_mag", 2)]
SYSTEMS = {
    "pairs": {},
    "pairs in space": {"dimensions": 3},
    "three": {"kind": "uniform", "bodies": 3},
    "three in space": {"kind": "uniform", "bodies": 3, "dimensions": 3},
}
FIELDS = {"alone": {}, "in a moving tide": {"tide_mass": 20.0, "tide_path": "circle"}}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("systems", SYSTEMS)
@pytest.mark.parametrize(("kind", "length"), KINDS)
def test_epoch_ends_with_every_sample_passing(kind, length, systems, field):
    config = RunConfig.model_validate(
        {
            "orbits": 3,
            "steps_per_epoch": 4,
            "energy_threshold": 5e-3,
            "features": {"kind": kind},
            "history": {"length": length},
            "initial_conditions": SYSTEMS[systems],
            "field": FIELDS[field],
            "network": {"hidden": (16,)},
            "generalize": {"batch_size": 32, "min_iterations": 10, "sweep_every": 10},
        }
    )
    training, recorded = build(config), Recorded()
    outcome = collecting(training, recorded, config, 1, ignore)
    assert outcome.rows is not None
    assert outcome.rows.position.shape[:2] == (4, 3)
    assert outcome.numbers["worst"] <= 1
    judged = generalizing(training, recorded, config, 1, ignore)
    assert judged.numbers["passing"] == 1
    assert len(recorded) == 3 * (4 - length)
