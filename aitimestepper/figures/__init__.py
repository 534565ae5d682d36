"""Figures of rules and runs: functions from plain data to matplotlib figures."""
