"""The composition is well formed, keeps its secrets outside, and opens nothing to the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from stack.composition import COMPOSE, DOCKERFILE, EXAMPLE, ROOT, NotSet, example, services

BIN = Path(sys.executable).parent
SECRETS = [name for name, value in example().items() if re.search("PASSWORD|KEY", name)]
FILLED = example() | dict.fromkeys(SECRETS, "secret-of-the-test")


def lint(*command):
    done = subprocess.run([BIN / command[0], *command[1:]], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)),
        ("yamllint", "--strict", "-c", str(ROOT / ".yamllint.yaml"), str(COMPOSE)),
        ("yamllint", "--strict", "-c", str(ROOT / ".yamllint.yaml"), str(ROOT / "prefect.yaml")),
        ("hadolint", str(DOCKERFILE)),
    ],
    ids=lambda command: f"{command[0]}-{Path(command[-1]).name}",
)
def test_the_linters_have_nothing_to_say(command):
    code, said = lint(*command)
    assert code == 0, said


def test_the_linters_see_a_wrong_file(tmp_path):
    (tmp_path / "compose.yml").write_text("services: {a: {imag: x}}\n")
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /x && pip install y\n")
    schema = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    assert lint(*schema, str(tmp_path / "compose.yml"))[0]
    assert lint("hadolint", str(tmp_path / "Dockerfile"))[0]


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_while_a_secret_is_missing(name):
    with pytest.raises(NotSet, match=name):
        services(FILLED | {name: ""})


def test_the_example_has_every_variable_and_no_secret():
    assert set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())) == example().keys()
    assert not any(example()[name] for name in SECRETS)
    assert EXAMPLE.name not in (ROOT / ".gitignore").read_text().split()
    assert ".env" in (ROOT / ".gitignore").read_text().split()


def test_no_secret_reaches_a_command_line():
    for service in services(FILLED).values():
        assert "secret-of-the-test" not in " ".join(service.get("command", []))


@pytest.mark.parametrize("name", services(FILLED))
def test_a_service_is_pinned_bounded_and_not_root(name):
    service = services(FILLED)[name]
    image, _, tag = service["image"].partition(":")
    assert re.search(r"\d+\.\d+\.\d+|\d{4}-\d\d-\d\d|16\.\d+", tag), f"{image} has no exact tag"
    assert service["cap_drop"] == ["ALL"]
    assert "healthcheck" in service or service["restart"] == "no"
    if name != "s3-owner":
        assert not str(service.get("user", "1000:1000")).startswith("0")
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_every_dependency_waits_for_a_condition_that_can_come_true():
    every = services(FILLED)
    for service in every.values():
        for name, wanted in service.get("depends_on", {}).items():
            check = every[name].get("healthcheck", {"disable": True})
            if wanted["condition"] == "service_healthy":
                assert not check.get("disable")
            if wanted["condition"] == "service_completed_successfully":
                assert every[name]["restart"] == "no"


def test_named_volumes_are_declared_and_used():
    mounted = {v.partition(":")[0] for s in services(FILLED).values() for v in s.get("volumes", [])}
    text = yaml.safe_load(COMPOSE.read_text())
    assert mounted == text["volumes"].keys()
