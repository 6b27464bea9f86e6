"""Node to node: authenticated lanes and calls.        Floor: driver. Called by: node.

Law: no byte of a stranger is parsed beyond the one bounded join frame.
"""
