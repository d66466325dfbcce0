"""What potentials are for: molecular dynamics, relaxations, bands and phonons of a few structures, with ASE."""
