"""A form of a browser (multipart/form-data), cut as it arrives.        Floor: s3 (pure). Called by: operations.

Law: fed bytes in any cut it finds the same form. The fields before the file are bounded, the file is handed on piece by
piece and never held; what follows the file is not looked at.
Source: RFC 7578; RFC 2046, 5.1; S3 API, "Browser-Based Uploads Using POST": the file is the last field.
"""

import enum
import re
from typing import Final

from mys3d import limits
from mys3d.errors import S3Error

_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_PARAMETER: Final = re.compile(rb';\s*([a-z*-]+)=(?:"((?:\\"|[^"])*)"|([^;\s]*))', re.IGNORECASE)
_DISPOSITION: Final = b"content-disposition:"
_FILE: Final = "file"


def boundary_of(content_type: str | None) -> bytes:
    """Raises S3Error: PreconditionFailed (not a form), MalformedPOSTRequest (no boundary)."""
    text = content_type or ""
    if text.partition(";")[0].strip().lower() != "multipart/form-data":
        raise S3Error("PreconditionFailed", Condition="Bucket POST must be of the enclosure-type multipart/form-data")
    found = _BOUNDARY.search(text)
    if found is None:
        raise S3Error("MalformedPOSTRequest", "The Content-Type names no boundary.")
    return (found.group(1) or found.group(2)).encode("latin-1")


class _State(enum.Enum):
    BEFORE = enum.auto()  # the first delimiter
    DELIMITED = enum.auto()  # behind a delimiter: the end of its line, or "--"
    HEAD = enum.auto()  # the headers of a part
    FIELD = enum.auto()
    FILE = enum.auto()
    DONE = enum.auto()


class FormParser:
    """Undoes one form. `fields`: by lower-case name, the first of equal names."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: Final[dict[str, str]] = {}
        self.filename = ""
        self._delimiter: Final = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # so that the first delimiter looks like every other
        self._state = _State.BEFORE
        self._name = ""
        self._held = 0  # bytes of fields
        self._ready = bytearray()

    @property
    def has_file(self) -> bool:
        """True once all fields are known and the bytes of the file follow."""
        return self._state in (_State.FILE, _State.DONE)

    @property
    def is_done(self) -> bool:
        """True once the whole file was found."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> None:
        """Raises S3Error: MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument (no file)."""
        if self.is_done:
            return
        self._buffer += data
        while self._step():
            pass
        if not self.has_file and self._held + len(self._buffer) > limits.form_head_bytes_max:
            raise _too_long()

    def take(self) -> bytes:
        """Return what has arrived of the file since it was asked last."""
        taken = bytes(self._ready)
        self._ready.clear()
        return taken

    def _step(self) -> bool:
        """Go one state on; False when that needs more bytes."""
        match self._state:
            case _State.BEFORE | _State.FIELD:
                return self._on_text()
            case _State.DELIMITED:
                return self._on_delimited()
            case _State.HEAD:
                return self._on_head()
            case _State.FILE:
                return self._on_file()
            case _State.DONE:
                return False

    def _on_text(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            return False
        if self._state is _State.FIELD:
            self._keep(bytes(self._buffer[:at]))
        del self._buffer[: at + len(self._delimiter)]
        self._state = _State.DELIMITED
        return True

    def _keep(self, value: bytes) -> None:
        self._held += len(self._name) + len(value)
        if len(self.fields) >= limits.form_fields_max or self._held > limits.form_head_bytes_max:
            raise _too_long()
        self.fields.setdefault(self._name, _text(value))

    def _on_delimited(self) -> bool:
        if self._buffer.startswith(b"--"):
            raise S3Error("InvalidArgument", "POST requires exactly one file upload per request.", ArgumentName="file")
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        if self._buffer[:end].strip(b" \t"):  # RFC 2046, 5.1.1: only transport padding may follow
            raise S3Error("MalformedPOSTRequest")
        del self._buffer[: end + 2]
        self._state = _State.HEAD
        return True

    def _on_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        told = next((line for line in lines if line.lower().startswith(_DISPOSITION)), b"")
        parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(told)}
        self._name = _unquoted(parameters.get(b"name", b"")).lower()
        if not self._name:
            raise S3Error("MalformedPOSTRequest", "A part of the form has no name.")
        if self._name == _FILE:
            self.filename = _unquoted(parameters.get(b"filename", b""))
        self._state = _State.FILE if self._name == _FILE else _State.FIELD
        return True

    def _on_file(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            at = max(0, len(self._buffer) - len(self._delimiter) + 1)  # the rest may be the beginning of a delimiter
        else:
            self._state = _State.DONE
        self._ready += self._buffer[:at]
        del self._buffer[:at]
        return False


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise S3Error("MalformedPOSTRequest", "A field of the form is not UTF-8.") from error


def _unquoted(value: bytes) -> str:
    return _text(value.replace(b'\\"', b'"'))


def _too_long() -> S3Error:
    return S3Error("MaxPostPreDataLengthExceededError", MaxPostPreDataLengthBytes=str(limits.form_head_bytes_max))
