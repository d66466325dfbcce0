"""Results as data: records of measurements, and the one schema of what a run of a benchmark found."""
