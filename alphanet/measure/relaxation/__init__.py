"""Relaxing the WBM structures with any potential: protocol, structures, records, shards, cluster, campaign."""
