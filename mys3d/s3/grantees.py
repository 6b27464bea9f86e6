"""Whom a grant names: in headers, and in documents.        Floor: s3 (pure). Called by: operations.

Law: what does not say clearly whom it means grants nothing.
Source: S3 API, PutObjectAcl, `x-amz-grant-read`: "You specify each grantee as a type=value pair".
"""

import enum
import re
from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error


class Kind(enum.Enum):
    ID = "id"
    EMAIL = "emailaddress"
    GROUP = "uri"


@dataclass(frozen=True, slots=True)
class Grantee:
    """How a grantee is named: a canonical user id, an e-mail address, or the URI of a group."""

    kind: Kind
    value: str


_PAIR: Final = re.compile(r'\s*(id|uri|emailaddress)\s*=\s*(?:"([^"]*)"|([^",]*))\s*(,|$)', re.IGNORECASE)


def of_header(name: str, text: str) -> list[Grantee]:
    """The grantees that a header lists: `id="...", uri=...`. Raises S3Error InvalidArgument."""
    found: list[Grantee] = []
    at = 0
    while True:
        pair = _PAIR.match(text, at)
        if pair is None:
            raise S3Error(
                "InvalidArgument",
                "Argument format not recognized",
                ArgumentName=name,
                ArgumentValue=text,
            )
        value = pair[3] if pair[2] is None else pair[2]
        found.append(Grantee(Kind(pair[1].lower()), value.strip()))
        at = pair.end()
        if not pair[4]:
            return found
