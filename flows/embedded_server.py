"""A Prefect server for one process: it ends when its parent does, however the parent ends."""

from __future__ import annotations

import os
import signal
import sys
import threading


def _end_with_parent() -> None:
    """Wait for the end of standard input, which the kernel closes with the parent."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main(port: int) -> None:
    """Serve Prefect's API and pages on loopback."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="critical",
        lifespan="on",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
