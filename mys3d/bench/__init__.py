"""A load generator for S3 stores, and what it makes of its measurements.        Floor: beside node. Called by: cli.

Law: it shares no code with the server that it measures, so that both cannot be wrong in the same way.
"""
