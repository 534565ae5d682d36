"""Nothing that is loaded runs, and nothing leaves the machine."""

from __future__ import annotations

import json
import os
import pickle
import textwrap

import numpy as np
import psutil
import pytest
import torch
from commands import ROOT, Runs, ended, until

from aitimestepper import sources
from aitimestepper.errors import UserError
from aitimestepper.folders import tracking_uri
from aitimestepper.tracking import open_run
from flows.cli import main

WATCH = """
    import json, os, socket, sys

    FILE = os.environ["DRILL_CONNECTIONS"]

    def note(kind, to):
        with open(FILE, "a") as file:
            file.write(json.dumps([kind, " ".join(sys.orig_argv[1:4]), repr(to)]) + chr(10))

    def watch(event, given):
        if event == "socket.connect":
            note("connect", given[1])
        elif event == "socket.getaddrinfo":
            note("look up", given[0])
        elif event == "socket.sendto":
            note("send", given[1])

    sys.addaudithook(watch)
    note("start", None)
"""
"""A `sitecustomize` that notes every connection and look-up of every Python process."""


def is_local(address):
    """Whether an address, as its repr, is this machine."""
    return any(word in address for word in ("127.0.0.1", "localhost", "'::1'", "0.0.0.0")) or (
        address.startswith(("'/", "None", "b'"))
    )


def test_a_training_talks_to_this_machine_alone(tmp_path, told):
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(textwrap.dedent(WATCH))
    log = tmp_path / "connections"
    runs = Runs(
        tmp_path,
        PYTHONPATH=f"{tmp_path / 'watch'}{os.pathsep}{ROOT}",
        DRILL_CONNECTIONS=str(log),
    )
    with ended(runs.start("--epochs", 1)) as process:
        until(lambda: psutil.Process(process.pid).children(), process)
        (server,) = psutil.Process(process.pid).children()
        until(lambda: "PREFECT_SERVER_ANALYTICS_ENABLED" in server.environ(), process)
        variables = server.environ()
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert variables["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert (variables["DO_NOT_TRACK"], variables["MLFLOW_DISABLE_TELEMETRY"]) == ("1", "true")
    seen = [json.loads(line) for line in log.read_text().splitlines()]
    away = [entry for entry in seen if not is_local(entry[2])]
    assert len(seen) > 10
    assert away == []
    programs = {entry[1] for entry in seen}
    assert any("flows.cli" in program for program in programs)
    assert any("embedded_server.py" in program for program in programs)
    seen = [entry for entry in seen if entry[0] != "start"]
    told(
        "connections of a training and its server",
        f"{len(seen)} connections and look-ups of {len(programs)} programs, {len(away)} beyond "
        "loopback; telemetry off in the environment of the child",
    )


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


class Half(torch.nn.Module):
    """The smallest model that can be logged."""

    def forward(self, bodies):
        return bodies[:, 0, 0]


def test_every_reader_refuses_a_malicious_pickle(tmp_path, told, capsys):
    target = tmp_path / "owned"
    content = {"schema": "aitimestepper-checkpoint", "schema_version": 1, "x": Malicious(target)}
    torch.save(content, tmp_path / "evil.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(content))
    array = np.array([[Malicious(target)]], dtype=object)
    np.save(tmp_path / "evil.npy", array, allow_pickle=True)
    for name in ("evil.csv", "evil.txt", "evil.json", "evil.toml", "bodies.npy"):
        (tmp_path / name).write_bytes(pickle.dumps(content))
    run = open_run(tracking_uri(), name="evil", run_id=None, parameters={}, tags={})
    example = np.ones((4, 2, 5))
    described = {"name": "evil", "checkpoint": tmp_path / "evil.pt", "identity": "u@1:a"}
    version = run.log_model(Half(), example, **described, metadata={})
    models = [str(tmp_path / "evil.pt"), str(tmp_path / "bare.pt"), f"models:/evil/{version}"]
    for model in models:
        with pytest.raises(UserError):
            sources.load(model)
    simulate = "simulate --model fixed:0.01 --steps 2 --ic"
    lines = [
        *(f"{simulate} {tmp_path / name}" for name in ("evil.npy", "evil.csv", "evil.txt")),
        f"{simulate} {tmp_path / 'bodies.npy'}",
        f"evaluate --model fixed:0.01 --cases {tmp_path / 'evil.json'}",
        f"train --config {tmp_path / 'evil.toml'}",
    ]
    for line in lines:
        assert main(line.split()) == 2
    capsys.readouterr()
    assert not target.exists()
    pickle.loads((tmp_path / "bare.pt").read_bytes())
    assert target.exists()
    told(
        "malicious pickles",
        f"{len(models)} as checkpoint or MLflow model and {len(lines)} as other input: all "
        "refused, none ran; the control ran",
    )
