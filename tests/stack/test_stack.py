"""The composition trains: its own command lines, on PostgreSQL, Redis and S3, through a kill -9."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from stack.composition import Translation, copied, example, services
from stack.parts import free_ports, postgres, postgres_programs, process, s3, until

from aitimestepper.store.errors import StoreError
from aitimestepper.store.trajectory import TrajectoryStore
from flows.cli import COMMANDS

NAME = "served"
EPOCHS = 6
SETTINGS = {
    "name": NAME,
    "epochs": EPOCHS,
    "orbits": 2,
    "steps_per_epoch": 40,
    "energy_threshold": 5e-2,
    "initial_conditions": {"eccentricity": [0.0, 0.1]},
    "network": {"hidden": [8]},
    "evaluation": {"held_out": 2, "periods": 0.5, "report_orbits": 0},
    "generalize": {"batch_size": 16, "failing_size": 8, "sweep_every": 5, "min_iterations": 5},
}
PLACES = ("prefect-db:5432", "mlflow-db:5432", "redis:6379", "s3:9000")
SERVED = ("prefect-server:4200", "mlflow:5000", "worker:8080")

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(600)]


class Stack:
    """The services of docker-compose.yml as processes of this machine."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        secrets = {k: f"secret{i}of8" for i, (k, v) in enumerate(example().items()) if not v}
        self.services = services(example() | secrets | {"TORCH_INDEX": ""})
        ports = dict(zip((*PLACES, *SERVED), free_ports(7), strict=True))
        self.artifacts, self.app = folder / "data", folder / "app"
        self.logs, self._stack = folder / "logs", stack
        for made in (self.artifacts, self.app, self.logs):
            made.mkdir()
        copied(self.app)
        self.translation = Translation(ports, {"/data": self.artifacts})
        self.ports = ports

    def environment(self, name: str) -> dict[str, str]:
        """What the image sets, then what the service sets."""
        image = {
            "AITIMESTEPPER_ARTIFACTS": str(self.artifacts),
            "PREFECT_HOME": str(self.artifacts / "prefect"),
            "PYTHONPATH": str(self.app),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }
        return self.translation.environment(self.services[name], image)

    def start(self, name: str) -> psutil.Process:
        """Start a service and wait until its own health check passes."""
        service, log = self.services[name], self.logs / f"{name}.log"
        command, env = self.translation.command(service), self.environment(name)
        started = self._stack.enter_context(process(command, log, env, self.app))
        if not service["healthcheck"].get("disable"):
            check = self.translation.health(service)

            def healthy() -> bool:
                assert started.poll() is None, log.read_text()[-3000:]
                return not subprocess.run(check, capture_output=True, env=env).returncode

            until(healthy, f"health of {name}")
        return psutil.Process(started.pid)

    def run_once(self, name: str) -> None:
        """Run a service that ends by itself."""
        self.client(*self.translation.command(self.services[name]), service=name)

    def client(self, *command: str, service: str = "worker") -> str:
        """Run a command with the addresses that a service has, and return what it printed."""
        env = self.environment(service)
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=self.app)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The whole composition, in the order in which its services depend on each other."""
    for program in ("initdb", "redis-server"):
        if not (shutil.which(program) or (program == "initdb" and postgres_programs())):
            pytest.skip(f"{program} is missing: apt-get install postgresql redis-server")
    with ExitStack() as parts:
        stack = Stack(tmp_path_factory.mktemp("stack"), parts)
        for name in ("prefect-db", "mlflow-db"):
            port, told = stack.ports[f"{name}:5432"], stack.services[name]["environment"]
            parts.enter_context(postgres(port, told, stack.logs / f"{name}.log"))
        parts.enter_context(s3(stack.ports["s3:9000"], stack.logs / "s3.log"))
        bucket(stack).create()
        for name in ("redis", "prefect-server", "prefect-services", "mlflow"):
            stack.start(name)
        for name in ("pool", "limit", "deploy", "automations"):
            if name != "automations" or name in COMMANDS:
                stack.run_once(name)
        yield stack


def bucket(stack):
    """The bucket of the artifacts, as the MLflow server reaches it."""
    import boto3

    told = stack.environment("mlflow")
    return boto3.resource(
        "s3",
        endpoint_url=told["MLFLOW_S3_ENDPOINT_URL"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        region_name=told["AWS_DEFAULT_REGION"],
    ).Bucket(told["MLFLOW_ARTIFACTS_DESTINATION"].removeprefix("s3://"))


def epoch_of(path):
    """The epoch of the last commit, 0 before the first."""
    try:
        return TrajectoryStore.read_only(path).commit.epoch
    except StoreError:
        return 0


def flow_run(stack, run_id):
    """The flow run as the API has it."""
    told = stack.environment("worker")
    token = base64.b64encode(told["PREFECT_API_AUTH_STRING"].encode()).decode()
    address = f"{told['PREFECT_API_URL']}/flow_runs/{run_id}"
    with urlopen(Request(address, headers={"Authorization": f"Basic {token}"})) as answer:
        return json.load(answer)


def test_nobody_gets_in_without_the_password(stack):
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{stack.environment('worker')['PREFECT_API_URL']}/admin/version")


def trainer_below(worker):
    """The process that runs the flow, a descendant of the worker."""
    below = worker.children(recursive=True)
    return next((p for p in below[::-1] if "prefect" in " ".join(p.cmdline())), None)


def test_a_training_killed_in_mid_epoch_finishes_tracked_and_registered(stack, told):
    worker = stack.start("worker")
    words = [f"{k}={json.dumps(v) if k != 'name' else v}" for k, v in SETTINGS.items()]
    given = [word for pair in words for word in ("-p", pair)]
    deployment = "two-phase-training/local"
    said = stack.client("prefect", "deployment", "run", deployment, *given)
    run_id = said.partition("UUID: ")[2].split()[0]
    store = stack.artifacts / "runs" / NAME / "trajectory.zarr"

    until(lambda: epoch_of(store) >= 2, "the second epoch")
    trainer = until(lambda: trainer_below(worker), "the process of the flow")
    trainer.send_signal(signal.SIGKILL)
    killed_in = epoch_of(store)
    assert killed_in < EPOCHS
    until(lambda: flow_run(stack, run_id)["state"]["type"] != "RUNNING", "the end of the run")
    if "automations" not in COMMANDS:
        assert flow_run(stack, run_id)["state"]["type"] == "CRASHED"
        stack.client("prefect", "flow-run", "retry", run_id)

    until(lambda: flow_run(stack, run_id)["state"]["type"] == "COMPLETED", "the result", 300)
    assert flow_run(stack, run_id)["run_count"] == 2
    assert epoch_of(store) == EPOCHS
    check_tracked(stack, run_id)
    told(
        "kill -9 in the composition without containers",
        f"epoch {killed_in} of {EPOCHS}; 2 starts; tracked, registered, files in S3",
    )


def check_tracked(stack, run_id):
    """One MLflow run with every epoch once, its model under the alias, its files in S3."""
    from mlflow import MlflowClient

    client = MlflowClient(stack.environment("worker")["MLFLOW_TRACKING_URI"])
    (run,) = client.search_runs([client.get_experiment_by_name("aitimestepper").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["prefect.flow_run_id"] == run_id
    charted = client.get_metric_history(run.info.run_id, "generalize/passing")
    assert [metric.step for metric in charted] == list(range(1, EPOCHS + 1))
    version = client.get_model_version_by_alias(NAME, "current")
    assert version.run_id == run.info.run_id
    keys = [item.key for item in bucket(stack).objects.all()]
    for file in ("evaluation.json", "model.pt2", "generalize.pt"):
        assert any(key.endswith(file) for key in keys), keys
