"""A command that is told to stop ends in time, whoever loses or ignores what it was told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, threading, time
from flows.stopping import ends_within

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.{sent})
        time.sleep(0.1)

def deaf():
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            print("heard", flush=True)

signal.signal(signal.SIGINT, signal.default_int_handler)
with ends_within({seconds}):
    {body}
"""


def ended(sent, seconds, body):
    """The exit code of a program that is told to stop, and what it said."""
    text = PROGRAM.format(sent=sent.name, seconds=seconds, body=body)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signal_that_a_finalizer_swallowed_is_sent_again(sent):
    code, out, err = ended(sent, 50, "Swallows(); time.sleep(55); print('went on')")
    assert (code, out) == (-signal.SIGINT, "")  # how Python ends of a KeyboardInterrupt
    assert "KeyboardInterrupt" in err.splitlines()[-1]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_program_that_goes_on_all_the_same_is_ended(sent):
    later = f"threading.Timer(0.2, os.kill, (os.getpid(), signal.{sent.name})).start()"
    code, out, err = ended(sent, 0.3, f"{later}; deaf()")
    assert (code, out) == (130, "heard\n")
    assert err == "Stopped; type the same command again to go on.\n"


def test_block_without_a_signal_leaves_everything_as_it_was():
    code, out, err = ended(
        signal.SIGTERM, 0.1,
        "pass\nassert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
        "assert signal.set_wakeup_fd(-1) == -1\ntime.sleep(0.5)\nprint('whole')",
    )  # fmt: skip
    assert (code, out, err) == (0, "whole\n", "")


def test_import_ends_before_a_signal_interrupts(tmp_path, monkeypatch):
    module = "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.5)\n"
    (tmp_path / "long_import.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    body = "import long_import; print('whole', flush=True); time.sleep(5); print('went on')"
    code, out, _ = ended(signal.SIGTERM, 50, body)
    assert (code, out) == (-signal.SIGINT, "whole\n")
