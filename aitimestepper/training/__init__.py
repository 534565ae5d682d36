"""Two-phase training; it knows no file, no tracker and no orchestrator."""
