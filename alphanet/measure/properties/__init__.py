"""What potentials are for: properties computed by a potential and, by the same function, by a reference method."""
