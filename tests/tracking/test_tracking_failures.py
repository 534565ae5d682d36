"""A tracking store that is away or hopeless says so within seconds, and training can go on."""

import http.server
import os
import subprocess
import sys
import threading
import time

import pytest

from aitimestepper.errors import UserError
from aitimestepper.tracking import TrackingError, TrackingUnavailable, open_run
from aitimestepper.tracking.client import connect
from aitimestepper.tracking.failures import reported


def opened(uri):
    return open_run(uri, name="away", run_id=None, parameters={}, tags={})


def test_unreachable_server_is_reported_within_seconds_and_without_the_password():
    before = time.monotonic()
    with pytest.raises(TrackingUnavailable, match=r"http://127.0.0.1:9 .*refused") as caught:
        opened("http://me:secret@127.0.0.1:9")
    assert time.monotonic() - before < 10
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, UserError)


class Broken(http.server.BaseHTTPRequestHandler):
    """Answers as a proxy does whose server is away."""

    def do_GET(self):
        self.send_response(502)
        self.end_headers()

    def log_request(self, code="-", size="-"):
        """Say nothing."""


def test_proxy_without_a_server_counts_as_unavailable(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with http.server.HTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(TrackingUnavailable):
            opened(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_metrics_lost_while_the_store_is_away_can_be_delivered_later(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = opened(uri)
    run.log_epoch(0, {"loss": 3.0})
    os.rename(tmp_path / "mlflow.db", tmp_path / "away.db")
    with pytest.raises(TrackingUnavailable, match="mlflow.db"):
        run.log_epoch(1, {"loss": 2.0})
    os.replace(tmp_path / "away.db", tmp_path / "mlflow.db")
    for epoch in range(run.logged_epoch + 1, 3):
        run.log_epoch(epoch, {"loss": 3.0 - epoch})
    history = run.client.get_metric_history(run.run_id, "loss")
    assert [metric.value for metric in history] == [3.0, 2.0, 1.0]


def test_file_that_is_no_database_is_refused_at_once(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database, " * 100)
    before = time.monotonic()
    with pytest.raises(TrackingError, match=r"mlflow.db cannot be opened .*not a database"):
        opened(f"sqlite:///{tmp_path}/mlflow.db")
    assert time.monotonic() - before < 2


def test_folder_that_cannot_be_made_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrackingError, match=r"file/mlflow.db cannot be opened"):
        opened(f"sqlite:///{tmp_path}/file/mlflow.db")


def test_refusal_is_no_outage(run):
    with pytest.raises(TrackingError) as caught:
        run.set_tag("key\nwith a newline", "value")
    assert not isinstance(caught.value, TrackingUnavailable)


def test_refusal_while_another_error_is_handled_is_no_outage(run):
    def tag_after_an_error():
        try:
            os.listdir(__file__)
        except NotADirectoryError:
            run.set_tag("key\nwith a newline", "value")

    with pytest.raises(TrackingError) as caught:
        tag_after_an_error()
    assert not isinstance(caught.value, TrackingUnavailable)


def test_mistakes_of_the_caller_pass_through():
    with pytest.raises(KeyError), reported("sqlite:///x.db"):
        raise KeyError("mine")


def test_users_own_settings_stay(uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "33")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    connect(uri)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "33"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"


def test_no_telemetry_is_sent_and_nothing_is_printed(tmp_path):
    code = """
import sys
from aitimestepper.tracking import open_run
run = open_run(sys.argv[1], name="quiet", run_id=None, parameters={}, tags={})
with run.system_metrics(interval=1):
    run.log_epoch(0, {"loss": 1.0})
run.finish()
from mlflow.telemetry.utils import is_telemetry_disabled
assert is_telemetry_disabled()
"""
    quiet = {
        k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "DO_NOT", "PYTEST"))
    }
    command = [sys.executable, "-W", "ignore", "-c", code, f"sqlite:///{tmp_path}/mlflow.db"]
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
