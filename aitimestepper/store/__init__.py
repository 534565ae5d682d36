"""What a run leaves on disk: its trajectory, its checkpoints, its lock."""
