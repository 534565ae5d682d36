"""Real parts of the served stack on loopback: PostgreSQL, an S3 server, and processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 60.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def until(told: Callable[[], object], what: str, patience: float = PATIENCE) -> object:
    """Wait for something to come true, and return what it is."""
    deadline = time.monotonic() + patience
    while not (found := told()):
        assert time.monotonic() < deadline, f"{what} did not come within {patience:.0f} s"
        time.sleep(0.2)
    return found


def open_at(port: int) -> bool:
    """Whether somebody listens on loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(
    command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A program for the length of the block, in a session of its own; its words go to `log`."""
    with log.open("ab") as words:
        started = subprocess.Popen(
            command, stdout=words, stderr=words, env=env, cwd=cwd, start_new_session=True
        )
    try:
        yield started
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    with suppress(subprocess.TimeoutExpired):
        started.wait(20)
    with suppress(ProcessLookupError):  # whatever of its session is still there
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, which packages often keep off the PATH."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(found).resolve().parent if found else next(iter(folders[::-1]), None)


@contextmanager
def postgres(port: int, settings: Mapping[str, str], log: Path) -> Iterator[None]:
    """A PostgreSQL cluster as its image makes one from POSTGRES_USER, _DB and _PASSWORD."""
    programs = postgres_programs()
    assert programs is not None
    user, password = settings["POSTGRES_USER"], settings["POSTGRES_PASSWORD"]
    # not the test's own folder, which only its owner may enter: PostgreSQL refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    secret = folder / "password"
    secret.write_text(password)
    data, prefix = folder / "data", _other_user(folder, secret)
    init = ["--auth=scram-sha-256", f"--username={user}", f"--pwfile={secret}", "--no-sync"]
    made = [*prefix, str(programs / "initdb"), f"--pgdata={data}", *init]
    subprocess.run(made, check=True, capture_output=True, cwd=folder)
    command = [*prefix, str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    where = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    try:
        with process([*command, *where], log, os.environ, folder):
            until(lambda: _created(port, user, password, settings["POSTGRES_DB"]), "PostgreSQL")
            yield
    finally:
        shutil.rmtree(folder)


def _other_user(*paths: Path) -> list[str]:
    """Words before a command that keep root out of it."""
    if os.geteuid() != 0:
        return []
    for path in paths:
        shutil.chown(path, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _created(port: int, user: str, password: str, database: str) -> bool:
    import psycopg2

    try:
        place = f"host=127.0.0.1 port={port} user={user} dbname=postgres"
        connection = psycopg2.connect(place, password=password)
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    connection.cursor().execute(f'CREATE DATABASE "{database}"')
    connection.close()
    return True


@contextmanager
def s3(port: int, log: Path) -> Iterator[str]:
    """An S3 server that keeps everything in memory, and its address."""
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1"]
    with process([*command, "-p", str(port)], log, os.environ, log.parent):
        until(lambda: open_at(port), "the S3 server")
        yield f"http://127.0.0.1:{port}"
