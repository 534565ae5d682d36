"""Rules that propose a time step: the learned one and the classical ones."""
