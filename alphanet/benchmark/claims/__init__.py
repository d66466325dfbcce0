"""Claims: statements of a paper as tests in a card, decided from samples over seeds and test frames."""
