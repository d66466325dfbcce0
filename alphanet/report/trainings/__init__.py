"""Trainings of a user: errors on test frames, figures, and tables of several trainings."""
