"""Modules for the baselines' environments, each imported by its own name; none of them needs alphanet."""
