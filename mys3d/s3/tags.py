"""Tags: the form of the header, and what a set of tags may be.        Floor: s3 (pure). Called by: operations.

Law: keys of a set differ; a set is kept sorted by key, so that equal sets are equal rows.
Source: S3 User Guide, "Categorizing objects using tags" (10 tags, 128 and 256 characters) and "Using cost allocation
S3 bucket tags" (50 tags); AWS Billing, "User-defined tag restrictions".
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.s3 import uri

TagSet = tuple[tuple[str, str], ...]  # sorted by key

_RESERVED: Final = "aws:"
_MARKS: Final = frozenset("+-=._:/@")
_CATEGORIES: Final = frozenset("LNZ")


def from_header(text: str | None) -> TagSet:
    """Read x-amz-tagging, which is written like a query: `a=1&b=2`. Raises S3Error InvalidArgument, InvalidTag."""
    if not text:
        return ()
    try:
        pairs = [(name.decode(), value.decode()) for name, value in uri.query_pairs(text.replace("+", "%20").encode())]
    except (S3Error, UnicodeDecodeError) as error:
        raise S3Error(
            "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            ArgumentName="x-amz-tagging",
            ArgumentValue=text,
        ) from error
    return checked(pairs, limits.object_tags_max)


def checked(pairs: Iterable[tuple[str, str]], tags_max: int) -> TagSet:
    """Return the pairs as a set. Raises S3Error InvalidTag."""
    found: dict[str, str] = {}
    for key, value in pairs:
        if not key or len(key) > limits.tag_key_max or key.lower().startswith(_RESERVED) or not _is_plain(key):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > limits.tag_value_max or not _is_plain(value):
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key in found:
            raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        found[key] = value
    if len(found) > tags_max:
        raise S3Error("InvalidTag", f"There are more than {tags_max} tags")
    return tuple(sorted(found.items()))


def _is_plain(text: str) -> bool:
    """True for letters, digits and spaces of any script, and the marks that S3 allows."""
    return all(sign in _MARKS or unicodedata.category(sign)[0] in _CATEGORIES for sign in text)
