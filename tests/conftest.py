"""Tests that come out the same on every machine, however many run beside each other."""

from __future__ import annotations

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.load_profile("ci")  # deterministic, no deadline
