"""The paper: its values, what was measured, verdicts."""
