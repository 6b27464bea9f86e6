"""PySyncObj, hardened, and the store it drives.        Floor: driver. Called by: node.

Law: no vote, no acknowledgement and no term leaves this node before it is on disk.
"""
