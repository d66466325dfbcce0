"""The worker for what a callable returns; it runs with this Python."""
