"""Random tests of the physics that find the same examples on every machine."""

from hypothesis import settings

settings.load_profile("ci")  # deterministic, no deadline
