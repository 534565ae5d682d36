"""A flipped bit in a committed file is refused, or changes no number."""

from __future__ import annotations

import random

import pytest
from faults import load

from aitimestepper.store.errors import StoreError
from flows.cli_status import status

FLIPS = 300


@pytest.mark.usefixtures("config")
def test_flipped_bits(artifacts, told):
    run = artifacts / "runs" / "x"
    before, chance = load(run), random.Random(0)
    wanted = status("x")
    files = [
        path for part in ("trajectory.zarr", "checkpoints") for path in (run / part).rglob("*")
    ]
    files = [path for path in files if path.is_file()]
    refused = harmless = 0
    for number in range(FLIPS):
        file = files[number % len(files)]
        data = bytearray(file.read_bytes())
        where = chance.randrange(8 * len(data))
        file.write_bytes(
            data[: where // 8] + bytes([data[where // 8] ^ 1 << where % 8]) + data[where // 8 + 1 :]
        )
        try:
            assert (load(run), status("x")) == (before, wanted), file
            harmless += 1
        except StoreError as error:
            assert str(run) in str(error)  # noqa: PT017
            refused += 1
        file.write_bytes(data)
    told(
        "one flipped bit in a committed file",
        f"{FLIPS} flips over {len(files)} files: {refused} refused, {harmless} changed nothing, "
        "0 wrong numbers",
    )
    assert load(run) == before
