"""A command that ends when its parent does, however the parent ends, with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psutil


def main(grace: float, command: list[str]) -> None:
    """Run a command until it ends, or until standard input ends, which the kernel closes.

    Call it in a process group of its own: everything in the group ends with the command.

    Arguments:
        grace: Time that the group has to end by itself [seconds]; 0 kills it without a word.
        command: Words of the command.
    """
    signal.signal(signal.SIGTERM, lambda *_: None)  # a handler, since to ignore would be inherited
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_parent, args=(grace,), daemon=True).start()
    child.wait()
    _end_group(grace)


def _end_with_parent(grace: float) -> None:
    sys.stdin.buffer.read()
    _end_group(grace)


def _end_group(grace: float) -> None:
    """Ask every process of the group to end, wait a little, and end what is left, us included."""
    if grace:
        os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _company() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(0, signal.SIGKILL)


def _company() -> bool:
    own, group = os.getpid(), os.getpgrp()
    return any(
        _group_of(process) == group for process in psutil.process_iter() if process.pid != own
    )


def _group_of(process: psutil.Process) -> int | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
        return None


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
