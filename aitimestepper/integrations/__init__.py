"""The learned time step inside other programs."""
