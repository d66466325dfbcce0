"""What is imported inside the baselines' environments, each file by its own name; nothing here needs alphanet."""
