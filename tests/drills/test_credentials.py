"""Who serves others must set credentials; they are asked for, and written down nowhere."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)
from served.conftest import Stack, free_port, until

from flows import cli_serve, serving
from flows.cli import main

HOST = "127.0.0.2"
"""Another interface than the one that `serve` takes for loopback, and still this machine alone."""

PREFECT, MLFLOW, COOKIES = "prefect-pass-0123", "mlflow-pass-4567", "cookie-key-89ab"
SERVED = ("/api/flows/count", "/api/2.0/mlflow/experiments/search?max_results=1")


def answer(url, credentials=None):
    """The status of a page, asked with a user and password or without."""
    request = Request(url, data=b"{}" if url.endswith("count") else None)
    request.add_header("Content-Type", "application/json")
    if credentials:
        told = base64.b64encode(credentials.encode()).decode()
        request.add_header("Authorization", f"Basic {told}")
    try:
        with urlopen(request, timeout=20) as response:
            return response.status
    except HTTPError as error:
        return error.code


@dataclass
class Guarded(Stack):
    """A stack on another interface, with credentials in its environment."""

    secrets: dict[str, str] = field(default_factory=dict)

    def start(self):
        prefect, mlflow = self.ports
        ports = (f"--prefect-port={prefect}", f"--mlflow-port={mlflow}")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "serve", "--host", HOST, *ports],
            env=self.environment | self.secrets,
            stdout=subprocess.PIPE,
            text=True,
        )
        until(self._said)

    @contextmanager
    def client(self):
        told = {
            PREFECT_API_URL: f"http://{HOST}:{self.ports[0]}/api",
            PREFECT_API_AUTH_STRING: f"admin:{PREFECT}",
            PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
        }
        with temporary_settings(told), get_client(sync_client=True) as client:
            yield client

    def page(self, number, path):
        return f"http://{HOST}:{self.ports[number]}{path}"


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """The stack, and the home of this user, where the configuration of MLflow's login lies."""
    pytest.importorskip("flask_wtf", reason="mlflow[auth] is not installed")
    home = tmp_path / "home"
    home.mkdir()
    (home / "login.ini").write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{home}/login.db\nadmin_username = admin\n"
    )
    secrets = {
        "PREFECT_SERVER_API_AUTH_STRING": f"admin:{PREFECT}",
        "MLFLOW_AUTH_CONFIG_PATH": str(home / "login.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": MLFLOW,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": COOKIES,
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": MLFLOW,
    }
    stack = Guarded(tmp_path / "artifacts", (free_port(), free_port()), secrets=secrets)
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(stack.home))
    stack.start()
    yield stack
    if stack.process.poll() is None:
        stack.stop()


def test_serving_others_asks_for_credentials_and_keeps_them(guarded, told):
    logins = (f"admin:{PREFECT}", f"admin:{MLFLOW}")
    for number, (path, login) in enumerate(zip(SERVED, logins, strict=True)):
        page = guarded.page(number, path)
        assert [answer(page), answer(page, "admin:wrong")] == [401, 401]
        assert answer(page, login) == 200
    guarded.ended(guarded.begin("guarded", epochs=1), "Completed")
    assert guarded.stop() == 0
    files = [path for path in guarded.home.rglob("*") if path.is_file()]
    secrets = [secret.encode() for secret in (PREFECT, MLFLOW, COOKIES)]
    leaks = [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
    assert any(path.name == "prefect.db" for path in files)
    assert any(path.suffix == ".log" for path in files)
    assert leaks == []
    told(
        "serve for others",
        f"Prefect and MLflow answer 401 without or with a wrong password, a training trained; "
        f"{len(files)} files of logs, databases and artifacts: no credential in any",
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", HOST])
def test_serving_others_without_credentials_is_refused(host, monkeypatch, capsys):
    for key in list(os.environ):
        if key.startswith(("PREFECT_", "MLFLOW_")):
            monkeypatch.delenv(key)
    assert main(["serve", "--host", host]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "without a password" in said
    assert all(key in said for key in serving._SECRETS)


def test_serving_others_without_the_login_is_refused(monkeypatch, capsys):
    for key in serving._SECRETS:
        monkeypatch.setenv(key, "given")
    monkeypatch.setattr(serving, "find_spec", lambda _: None)
    assert main(["serve", "--host", HOST]) == 2
    assert 'pip install "mlflow[auth]"' in capsys.readouterr().err


def test_loopback_is_the_default():
    assert cli_serve._options().read([]).host in serving.LOOPBACK
    assert HOST not in serving.LOOPBACK
