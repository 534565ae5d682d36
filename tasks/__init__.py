"""One library call each, as Prefect tasks; what a process holds of a run while it trains."""
