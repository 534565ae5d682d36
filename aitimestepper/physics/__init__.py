"""Point masses under gravity: state, fields, integrators, exact orbits, and the energy gate."""
