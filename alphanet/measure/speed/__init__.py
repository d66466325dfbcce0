"""Speed and memory against system size, measured in one run for every potential, each point in a separate process."""
