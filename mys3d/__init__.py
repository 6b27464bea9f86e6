"""mys3d: a self-hosted, distributed, S3-compatible object store.

The house and its floors are described in docs/architecture.md.
"""

__version__ = "0.1.0"
