"""Relaxing the WBM structures with any potential: protocol, engines, records, and campaigns on a Dask cluster."""
