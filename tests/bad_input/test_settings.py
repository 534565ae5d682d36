"""A setting that cannot be is one sentence that names it, wherever it was written."""

from __future__ import annotations

import pytest

VALUES = """
name = a/b
name = ..
name = .hidden
name = -x
name = a b
name = ../up
name = /etc
name = a\\b
name = é
name = a:b
name = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
epochs = 0
epochs = -1
epochs = 1.5
epochs = abc
epochs = 1e12
epochs = nan
epochs = true
seed = -1
seed = 1e99
seed = x
orbits = 0
orbits = 10000000
orbits = inf
energy-threshold = 0
energy-threshold = -1e-4
energy-threshold = nan
energy-threshold = inf
energy-threshold = small
steps-per-epoch = 0
steps-per-epoch = none
device = gpu
device = cuda:x
dtype = float16
compile = maybe
initial-conditions.eccentricity = 0.9,0.1
initial-conditions.eccentricity = 0,1
initial-conditions.eccentricity = -0.1,0.5
initial-conditions.eccentricity = 0.5
initial-conditions.eccentricity = 0,0.1,0.2
initial-conditions.eccentricity = a,b
initial-conditions.semi-major-axis = 0,1
initial-conditions.semi-major-axis = 1,inf
initial-conditions.mass-ratio = -1,1
initial-conditions.total-mass = 0
initial-conditions.dimensions = 4
field.softening = -1
field.softening = nan
gate.probes = 0
features.kind = fancy
features.centre = a
features.spread = 0,1
history.length = -1
history.length = 5000
network.hidden = 0
network.hidden = 64,-1
network.hidden = 64,x
network.hidden = 100000
network.activation = sin
network.dropout = 1
network.dropout = -0.1
network.fourier = -1
network.fourier-scale = 0
step.eta-min = 0
step.eta-min = 3
step.eta-max = 1e-5
step.eta-start = 5
optimizer.kind = lion
optimizer.learning-rate = 0
optimizer.learning-rate = inf
optimizer.slowing = 0
optimizer.clip = -1
optimizer.weight-decay = -1
optimizer.momentum = 1
loss.lower = 0
loss.lower = 0.9
loss.upper = 1
loss.upper = 0.1
loss.overshoot = 0
loss.momentum-weight = -1
collect.max-attempts = 0
generalize.batch-size = 0
generalize.failing-size = -1
generalize.sweep-every = 0
generalize.min-iterations = -1
generalize.max-iterations = -5
evaluation.held-out = -1
evaluation.periods = 0
"""

CASES = [tuple(line.split(" = ")) for line in VALUES.strip().splitlines()]

FILES = {
    "not TOML": "epochs = = 3",
    "no value": "epochs =",
    "not text": b"\xff\xfe\x00",
    "null bytes": b"epochs = 3\0",
    "twice": "epochs = 3\nepochs = 4",
    "deep": "a = " + "[" * 5000,
    "unknown": "epochz = 3",
    "unknown section": "[generalise]\nbatch_size = 3",
    "section as value": "generalize = 3",
    "value as section": "[epochs]\nn = 3",
    "list for a number": "epochs = [3]",
    "text for a number": 'epochs = "many"',
    "true for a number": "epochs = true",
    "true in a range": "initial_conditions.eccentricity = [false, true]",
    "date": "epochs = 2020-01-01",
    "table in a list": "network.hidden = [{a = 1}]",
    "empty list": "network.hidden = []",
    "nested range": "initial_conditions.eccentricity = [[0, 1]]",
    "not a number": "energy_threshold = nan",
    "infinite": "energy_threshold = inf",
    "huge": "orbits = 99999999999999999999999999",
    "name out of the folder": 'name = "../../etc"',
    "name of a number": "name = 3",
}

VARIABLES = [
    ("EPOCHZ", "3"),
    ("EPOCHS", "many"),
    ("EPOCHS", ""),
    ("EPOCHS__X", "3"),
    ("GENERALIZE", "3"),
    ("GENERALIZE__BATCH_SIZE", "0"),
    ("NAME", "../x"),
    ("LOSS__LOWER", "nan"),
    ("", "3"),
    ("__", "3"),
]


@pytest.mark.parametrize(("setting", "value"), CASES)
def test_bad_value_on_the_command_line(refused, setting, value):
    refused(["train", f"--{setting}={value}"])


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_bad_settings_file(refused, folder, content):
    file = folder / "run.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused("train --config run.toml")


@pytest.mark.parametrize(("name", "value"), VARIABLES)
def test_bad_variable(refused, monkeypatch, name, value):
    monkeypatch.setenv(f"AITIMESTEPPER_{name}", value)
    refused("train")


@pytest.mark.parametrize(
    "line",
    [
        *("", "--", "-", "train --", "train ---epochs 3", "train --=3", "train --epochs 3 4"),
        *(
            "TRAIN",
            "train train",
            "train --config",
            "train --config ''",
            "train --config /dev/null/x",
        ),
        *(
            "train --generalize 3",
            "train --generalize.batch-size.x 3",
            "train --epochs=",
            "status ''",
        ),
        *("status ../x", "status /", "status --name x", "status x y", "evaluate x", "simulate"),
    ],
)
def test_bad_command_line(refused, line):
    if line:
        refused(line)
