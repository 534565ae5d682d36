"""The deployments `FLOW/local`, and the runner that starts their runs on this machine."""

from __future__ import annotations

import os
import sys

from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from .automations import install
from .training import two_phase_training
from .unfinished import put_back
from .using import evaluate, simulate

DEPLOYED = {
    two_phase_training: "Train a time stepper in two phases, epoch by epoch.",
    simulate: "Follow one system with a learned or a classical time step.",
    evaluate: "Judge a time step beside the oracle and the best classical rules.",
}
"""Flows that have a deployment `local`, with its description."""

NAME = "local"
RECOVERED = [two_phase_training.name]
"""Flows whose crashed runs go on by themselves; a simulation may have no file to go on from."""


def deployments() -> list[RunnerDeployment]:
    """The deployments; their code is the installed package, whatever the folder is."""
    return [
        flow.to_deployment(
            NAME,
            description=description,
            enforce_parameter_schema=True,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow, description in DEPLOYED.items()
    ]


def main(runs: int) -> None:
    """Serve the deployments at PREFECT_API_URL; says `ready` on standard output, and then nothing.

    Arguments:
        runs: Largest number of runs at the same time.
    """
    install(RECOVERED)
    put_back(RECOVERED, [flow.name for flow in DEPLOYED])
    served = deployments()
    for deployment in served:
        deployment.apply()  # the runner does it again, after it was said that all is ready
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(*served, limit=runs, print_starting_message=False, pause_on_shutdown=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
