"""Rules by which pages of other origins use a bucket.        Floor: s3 (pure). Called by: operations.

Law: the first rule that fits decides, and only what it names is told; a browser that is told nothing keeps the answer
from the page. No rule gives access: who may do what is decided as for any other request.
Source: S3 User Guide, "Using cross-origin resource sharing (CORS)"; S3 API, PutBucketCors; Fetch, "CORS protocol".
"""

import re
from collections.abc import Sequence
from typing import Final

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.cors import CorsRule
from mys3d.s3.message import CONTROL

METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")  # S3 API, CORSRule, AllowedMethod
_HEADER_NAME: Final = re.compile(r"[!#$%&'+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2, without the wildcard
_AGE_STOP: Final = 2**31  # S3 API, MaxAgeSeconds: an integer of 32 bits

_VARY: Final = (b"vary", b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
_ANY: Final = "*"
_NOT_ENABLED: Final = "CORSResponse: CORS is not enabled for this bucket."
_NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. No rule of the bucket has its Origin, method and headers."
)

Headers = list[tuple[bytes, bytes]]


def check(rules: Sequence[CorsRule]) -> None:
    """Raises S3Error: MalformedXML, InvalidRequest."""
    if not rules:
        raise S3Error("MalformedXML")
    if len(rules) > limits.cors_rules_max:
        raise S3Error(
            "InvalidRequest",
            f"The number of CORS rules should not exceed allowed limit of {limits.cors_rules_max} rules.",
        )
    for rule in rules:
        _check_rule(rule)


def _check_rule(rule: CorsRule) -> None:
    if not rule.methods or not rule.origins or (rule.max_age_seconds or 0) >= _AGE_STOP:
        raise S3Error("MalformedXML")
    if len(rule.id) > limits.cors_rule_id_chars_max:
        raise S3Error("InvalidRequest", f"The ID of a rule has at most {limits.cors_rule_id_chars_max} characters.")
    for method in rule.methods:
        if method not in METHODS:
            raise S3Error(
                "InvalidRequest", f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )
    for name, patterns in (("AllowedOrigin", rule.origins), ("AllowedHeader", rule.headers)):
        for pattern in patterns:
            if pattern.count(_ANY) > 1:
                raise S3Error("InvalidRequest", f'{name} "{pattern}" can not have more than one wildcard.')
    for name in rule.exposed:
        if _ANY in name:
            raise S3Error("InvalidRequest", f'ExposeHeader "{name}" contains wildcard. There is none in ExposeHeader.')
        if _HEADER_NAME.fullmatch(name) is None:
            raise S3Error("InvalidRequest", f'ExposeHeader "{name}" is no name of a header.')


def headers_asked(text: str | None) -> tuple[str, ...]:
    """The names in Access-Control-Request-Headers, in lower case. Raises S3Error BadRequest when there are too many."""
    names = tuple(name.strip().lower() for name in (text or "").split(",", limits.cors_headers_asked_max))
    if "," in names[-1]:
        raise S3Error("BadRequest", f"More than {limits.cors_headers_asked_max} headers are asked for.")
    return tuple(dict.fromkeys(name for name in names if name))


def preflight(rules: Sequence[CorsRule], origin: str, method: str, asked: Sequence[str]) -> Headers:
    """What a browser is told before it sends `method` with the headers `asked`. Raises S3Error AccessForbidden."""
    if not rules:
        raise S3Error("AccessForbidden", _NOT_ENABLED, Method=method)
    found = find(rules, origin, method, asked)
    if found is None:
        raise S3Error("AccessForbidden", _NOT_ALLOWED, Method=method)
    told = _told(found, origin)
    if asked:
        told.append((b"access-control-allow-headers", ", ".join(asked).encode()))
    return [*told, _VARY]


def answered(rules: Sequence[CorsRule], origin: str, method: str) -> Headers:
    """What the answer to a request of a page says beside itself; whether there are rules decides what caches may do."""
    if not rules:
        return []
    found = find(rules, origin, method, ())
    return [*([] if found is None else _told(found, origin)), _VARY]


def find(rules: Sequence[CorsRule], origin: str, method: str, asked: Sequence[str]) -> CorsRule | None:
    """The first rule that has the method, the origin and every header."""
    if CONTROL.search(origin) is not None:  # it would be told again
        return None
    for rule in rules:
        if method in rule.methods and _has(rule.origins, origin) and _has_all(rule.headers, asked):
            return rule
    return None


def _told(rule: CorsRule, origin: str) -> Headers:
    is_any = _ANY in rule.origins
    told = [
        ("access-control-allow-origin", _ANY if is_any else origin),
        ("access-control-allow-methods", ", ".join(rule.methods)),
    ]
    if not is_any:  # Fetch standard: credentials go with an origin by its name alone
        told.append(("access-control-allow-credentials", "true"))
    if rule.exposed:
        told.append(("access-control-expose-headers", ", ".join(rule.exposed)))
    if rule.max_age_seconds is not None:
        told.append(("access-control-max-age", str(rule.max_age_seconds)))
    return [(name.encode(), value.encode("latin-1")) for name, value in told]


def _has_all(patterns: Sequence[str], names: Sequence[str]) -> bool:
    """Header names mean the same in any case; `names` are in lower case."""
    if not names or _ANY in patterns:
        return True
    lower = [pattern.lower() for pattern in patterns]
    return all(_has(lower, name) for name in names)


def _has(patterns: Sequence[str], text: str) -> bool:
    return any(_fits(pattern, text) for pattern in patterns)


def _fits(pattern: str, text: str) -> bool:
    head, star, tail = pattern.partition(_ANY)
    if not star:
        return pattern == text
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)
