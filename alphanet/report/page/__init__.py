"""The report: what runs left behind, read, put beside the paper, and shown on one page."""
