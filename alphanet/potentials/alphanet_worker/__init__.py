"""AlphaNet as a worker in a process of its own; the folder is what the worker imports from."""
