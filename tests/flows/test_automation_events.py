"""No event concerns both automations: on SQLite one crash would be answered several times."""

from __future__ import annotations

from flows.automations import automations


def expectations():
    silent, crashed = (automation.trigger for automation in automations(["two-phase-training"]))
    return silent.after | silent.expect, crashed.expect


def test_events_of_the_automations_are_disjoint():
    silent, crashed = expectations()
    assert crashed == {"prefect.flow-run.Crashed"}
    assert not silent & crashed


def test_run_that_is_scheduled_again_after_a_crash_counts_as_no_longer_silent():
    silent, _ = expectations()
    assert "prefect.flow-run.AwaitingRetry" in silent
