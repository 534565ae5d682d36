"""The tiny run, with more than one step in an epoch."""

import pytest


@pytest.fixture
def tiny(tiny):
    """Two steps an epoch, so that a step is not an epoch."""
    return tiny.model_copy(update={"steps_per_epoch": 2})
