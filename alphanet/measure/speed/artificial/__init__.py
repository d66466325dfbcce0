"""A potential of known cost, behind the worker protocol; the folder is what the worker imports from."""
