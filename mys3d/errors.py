"""What can go wrong: five kinds, nothing else.        Floor: ground. Called by: every room.

Law: a kind says what the caller may do next, so no caller ever has to read a message text.

| kind             | meaning                                                    | becomes                    |
|------------------|------------------------------------------------------------|----------------------------|
| `Rejected`       | the rules say no; nothing changed                          | 4xx by the reason table    |
| `S3Error`        | the request is not valid S3                                | its own code               |
| `Unavailable`    | try again; nothing happened                                | 503                        |
| `OutcomeUnknown` | it may have happened; ask again with the same operation id | 503, logged with the id    |
| `Damaged`        | bytes do not match their name                              | another replica and repair |
"""

import enum


class Reason(enum.StrEnum):
    """Why the registry's rules refused a command. The value is stored in outcome rows: never rename one."""

    BUCKET_EXISTS = "bucket-exists"
    BUCKET_OWNED_BY_YOU = "bucket-owned-by-you"
    BUCKET_NOT_EMPTY = "bucket-not-empty"
    NO_SUCH_BUCKET = "no-such-bucket"
    NO_SUCH_KEY = "no-such-key"
    NO_SUCH_VERSION = "no-such-version"
    NO_SUCH_UPLOAD = "no-such-upload"
    NO_SUCH_BODY = "no-such-body"
    PRECONDITION_FAILED = "precondition-failed"
    SOURCE_CHANGED = "source-changed"
    UPLOAD_CHANGED = "upload-changed"
    LAYOUT_EPOCH_OLD = "layout-epoch-old"
    GC_EPOCH_OLD = "gc-epoch-old"
    EXPIRED = "expired"
    TOO_LARGE = "too-large"
    NO_SUCH_MEMBER = "no-such-member"
    MEMBER_EXISTS = "member-exists"
    SOFTWARE_TOO_OLD = "software-too-old"
    STILL_NEEDED = "still-needed"
    MEMBER_VOTES = "member-votes"
    TOKEN_INVALID = "token-invalid"
    TRANSITION_RUNNING = "transition-running"
    NO_TRANSITION = "no-transition"
    ALREADY_INITIALISED = "already-initialised"
    ACCESS_KEY_EXISTS = "access-key-exists"
    NO_SUCH_ACCESS_KEY = "no-such-access-key"
    NO_SUCH_USER = "no-such-user"
    USER_EXISTS = "user-exists"
    USER_OWNS_BUCKETS = "user-owns-buckets"
    INVALID_COMMAND = "invalid-command"


class Rejected(Exception):
    """The rules say no and nothing changed. Rules return it as a value; `Registry.propose` raises it."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rejected) and (self.reason, self.detail) == (other.reason, other.detail)

    def __hash__(self) -> int:
        return hash((self.reason, self.detail))


class S3Error(Exception):
    """The request is not valid S3. `code` is the name of an entry in the catalogue of `s3/errors.py`.

    `headers` go with the answer, by their names on the wire; `fields` are elements of its document.
    """

    def __init__(self, code: str, message: str = "", **fields: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.headers: tuple[tuple[str, str], ...] = ()
        self.fields = fields

    def telling(self, *headers: tuple[str, str]) -> "S3Error":
        """The same error, with headers."""
        self.headers = headers
        return self


class Unavailable(Exception):
    """Nothing happened; the same request may be tried again. The text says what was missing and on which node."""


class OutcomeUnknown(Exception):
    """It may have happened. Only a command with the same `operation_id` may be proposed again."""

    def __init__(self, operation_id: bytes) -> None:
        super().__init__(f"outcome of operation {operation_id.hex()} is unknown")
        self.operation_id = operation_id


class Damaged(Exception):
    """Bytes do not match their name on `node` (hex id, empty for this node). They are never served."""

    def __init__(self, digest: bytes, node: str = "", found: str = "") -> None:
        super().__init__(f"blob {digest.hex()} on node {node or 'local'} is damaged: {found}")
        self.digest = digest
        self.node = node
