"""The flows: put, get, delete, replicate, repair, grow.        Floor: engine. Called by: operations, node.

Law: a flow sees only `Ports`; blobs are durable before the commit that names them.
"""
