"""Metrics that could not be delivered arrive later, once, and in order."""

from __future__ import annotations

import pytest

from aitimestepper.tracking import TrackingUnavailable
from tasks import delivery
from tasks.delivery import Delivery


class Server:
    """A tracking server that can be away."""

    def __init__(self, logged_epoch=-1):
        self.logged_epoch = logged_epoch
        self.away = False
        self.arrived = []

    def log_epoch(self, epoch, metrics):
        if self.away:
            raise TrackingUnavailable("away")
        self.arrived.append((epoch, metrics))


def test_epochs_wait_while_the_server_is_away(monkeypatch):
    monkeypatch.setattr(delivery, "_PAUSE", 0.0)
    server = Server()
    line = Delivery(lambda: server, {})
    server.away = True
    for epoch in (1, 2):
        line.add(epoch, {"x": epoch})
        line.deliver()
    assert (list(line.waiting), server.arrived) == ([1, 2], [])
    server.away = False
    line.deliver()
    assert (line.waiting, server.arrived) == ({}, [(1, {"x": 1}), (2, {"x": 2})])


def test_what_a_checkpoint_holds_is_delivered_unless_it_arrived():
    server = Server(logged_epoch=4)
    line = Delivery(lambda: server, {4: {"x": 4.0}, 5: {"x": 5.0}})
    line.deliver()
    assert server.arrived == [(5, {"x": 5.0})]


def test_server_that_is_away_is_not_asked_for_every_epoch():
    server = Server()
    server.away = True
    line = Delivery(lambda: server, {})
    line.add(1, {})
    line.deliver()
    server.away = False
    line.deliver()
    assert server.arrived == []
    line.deliver_or_raise()
    assert server.arrived == [(1, {})]


def test_end_of_a_run_says_that_metrics_are_missing():
    server = Server()
    server.away = True
    line = Delivery(lambda: server, {1: {"x": 1.0}})
    with pytest.raises(TrackingUnavailable):
        line.deliver_or_raise()
