"""A command finds the servers of its folder while they answer, and else nothing changes."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from flows.served import announced, joined

KEYS = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")


class Healthy(BaseHTTPRequestHandler):
    """A server of which only the health is asked."""

    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def address():
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def home(tmp_path, monkeypatch):
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    (tmp_path / "served").mkdir()
    return tmp_path


def seen(home):
    """What a command in this folder has in its environment."""
    with joined(home):
        found = [os.environ.get(key) for key in KEYS]
    assert not any(key in os.environ for key in KEYS)
    return found


def test_servers_are_found_while_they_are_announced(home, address):
    told = {"PREFECT_API_URL": f"{address}/api", "MLFLOW_TRACKING_URI": "http://tracked"}
    with announced(home, told):
        assert seen(home) == [f"{address}/api", "http://tracked"]
    assert seen(home) == [None, None]


@pytest.mark.parametrize("left", ["", "[]", "{}", '{"PREFECT_API_URL": 1}'])
def test_file_that_is_left_over_or_broken_changes_nothing(home, left):
    (home / "served" / "addresses.json").write_text(left)
    assert seen(home) == [None, None]


def test_servers_that_ended_without_a_word_change_nothing(home, address):
    gone = {"PREFECT_API_URL": f"{address}/nobody", "MLFLOW_TRACKING_URI": "http://tracked"}
    with announced(home, gone):
        assert seen(home) == [None, None]


def test_servers_of_the_user_win(home, address, monkeypatch):
    told = {"PREFECT_API_URL": f"{address}/api", "MLFLOW_TRACKING_URI": "http://tracked"}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mine")
    with announced(home, told), joined(home):
        assert [os.environ[key] for key in KEYS] == [f"{address}/api", "http://mine"]
    monkeypatch.setenv("PREFECT_API_URL", "http://mine/api")
    with announced(home, told), joined(home):
        assert [os.environ[key] for key in KEYS] == ["http://mine/api", "http://mine"]
