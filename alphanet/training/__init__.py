"""Training: Lightning module, losses, schedules."""
