"""Crystal stability: predictions of WBM, joined with labels, scored as Matbench Discovery does, and compared."""
