"""The HTTP front: connections, S3, admin.        Floor: web. Called by: node.

Law: one connection can never take the node down, and object bytes never pass through Quart.
"""
