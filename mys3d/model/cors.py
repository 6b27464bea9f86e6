"""Which pages of other origins may use a bucket.        Floor: model (pure). Called by: registry, s3.

Law: a rule is kept as its owner wrote it; what it means is told in `s3/cors.py`.
Source: S3 API, CORSRule.
"""

import msgspec


class CorsRule(msgspec.Struct, frozen=True, array_like=True):
    """What pages of some origins may do. Origins and headers hold at most one `*`, which stands for any text."""

    methods: tuple[str, ...]
    origins: tuple[str, ...]
    headers: tuple[str, ...] = ()  # that a page may send
    exposed: tuple[str, ...] = ()  # that a page may read
    max_age_seconds: int | None = None  # a browser remembers the answer this long. None: not said
    id: str = ""
