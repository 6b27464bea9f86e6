"""Blobs on disk: append-only volumes, group commit, verified reads.        Floor: driver. Called by: node.

Law: what was acknowledged is on disk, and no byte leaves unverified.
"""
