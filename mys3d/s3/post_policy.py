"""The policy of a browser's form: what its maker allows whoever holds it.   Floor: s3 (pure). Called by: operations.

Law: a form is taken only if every condition of the policy holds and every field but the signature's own is among the
conditions; what cannot be read allows nothing. Signatures are compared in constant time.
Source: S3 API, "Browser-Based Uploads Using POST", "POST Policy"; S3 User Guide, the same for Signature Version 2.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.names import Instant

_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z", re.ASCII)
_EXEMPT: Final = frozenset({"x-amz-signature", "file", "policy", "awsaccesskeyid", "signature"})
# What is ignored, and a checksum of the file: it grants nothing, it can only refuse what did not arrive whole.
_FREE_PREFIXES: Final = ("x-ignore-", "x-amz-checksum-")


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field has to say."""

    kind: str  # "eq" or "starts-with"
    field: str  # lower-case, without "$"
    value: str

    def holds(self, found: str) -> bool:
        if self.kind == "eq":
            return found == self.value
        if self.field == "content-type":  # a list of types: each of them
            return all(part.strip().startswith(self.value) for part in found.split(","))
        return found.startswith(self.value)


@dataclass(frozen=True, slots=True)
class Policy:
    expires_at: Instant
    conditions: tuple[Condition, ...]
    bytes_min: int
    bytes_max: int


def parse(document: str) -> Policy:
    """Read the base64 text of a policy. Raises S3Error InvalidPolicyDocument."""
    try:
        tree = msgspec.json.decode(base64.b64decode(document, validate=True))
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        raise _invalid("Invalid JSON.") from error
    if not isinstance(tree, dict):
        raise _invalid("It is no object.")
    listed = tree.get("conditions")
    if not isinstance(listed, list):
        raise _invalid("Policy missing conditions.")
    conditions: list[Condition] = []
    bounds = (0, limits.put_bytes_max)
    for entry in listed:
        if isinstance(entry, list) and entry and str(entry[0]).lower() == "content-length-range":
            bounds = _range(entry)
        else:
            conditions += _conditions(entry)
    return Policy(_expiration(tree.get("expiration")), tuple(conditions), *bounds)


def _expiration(text: object) -> Instant:
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise _invalid("Policy missing expiration." if text is None else f"Invalid 'expiration' value: '{text}'")
    try:
        return Instant(int(datetime.fromisoformat(found.group(1)).replace(tzinfo=UTC).timestamp()) * 1000)
    except ValueError as error:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from error


def _conditions(entry: object) -> list[Condition]:
    match entry:
        case dict() if entry and all(isinstance(value, str) for value in entry.values()):
            return [Condition("eq", str(name).lower(), str(value)) for name, value in entry.items()]
        case [str() as kind, str() as field, str() as value] if kind.lower() in ("eq", "starts-with"):
            if field.startswith("$"):
                return [Condition(kind.lower(), field[1:].lower(), value)]
    raise _invalid(f"Invalid Simple-Condition: {msgspec.json.encode(entry).decode()[:200]}")


def _range(entry: list[object]) -> tuple[int, int]:
    numbers = [_number(value) for value in entry[1:]]
    if len(numbers) != 2:
        raise _invalid("Invalid content-length-range: wrong number of arguments.")
    return numbers[0], numbers[1]


def _number(value: object) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise _invalid("Invalid content-length-range: an argument is no number of bytes.")
    return int(text)


def check(policy: Policy, fields: Mapping[str, str], now: Instant) -> None:
    """Hold a form's fields (lower-case names, `bucket` among them) against its policy. Raises S3Error AccessDenied."""
    if now >= policy.expires_at:
        raise _denied("Policy expired.")
    for condition in policy.conditions:
        if not condition.holds(fields.get(condition.field, "")):
            words = f'["{condition.kind}", "${condition.field}", "{condition.value}"]'
            raise _denied(f"Policy Condition failed: {words}")
    covered = {condition.field for condition in policy.conditions} | _EXEMPT
    extra = [name for name in fields if name not in covered and not name.startswith(_FREE_PREFIXES)]
    if extra:
        raise _denied(f"Extra input fields: {', '.join(sorted(extra))}")


def verify_v4(document: str, signature: str, key: bytes) -> None:
    """`key`: the signing key of its day and region. Raises S3Error SignatureDoesNotMatch."""
    _compare(hmac.digest(key, document.encode(), "sha256").hex(), signature)


def verify_v2(document: str, signature: str, secret: str) -> None:
    """Raises S3Error SignatureDoesNotMatch."""
    _compare(base64.b64encode(hmac.digest(secret.encode(), document.encode(), "sha1")).decode(), signature)


def _compare(expected: str, signature: str) -> None:
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise S3Error("SignatureDoesNotMatch", SignatureProvided=signature)


def _invalid(what: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {what}")


def _denied(what: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {what}")
