"""Makes the requests to one endpoint of a target.        Floor: bench. Called by: the workloads.

Law: what is made here is signed at one moment, so callers are made anew for each slice of a run.
Keys of objects end with `-SIZE`, so that the null server answers with as many bytes without keeping any.
"""

from collections.abc import Callable
from typing import Final

from mys3d.bench.answer import Answer
from mys3d.bench.body import Envelope, Pieces
from mys3d.bench.connection import Request
from mys3d.bench.sign import UNSIGNED, Form, Pairs, Signer
from mys3d.bench.target import Target

PAGE_KEYS_COUNT: Final = 1000  # of a full page

Ended = Callable[[Answer], object]


class Caller:
    """Signed requests for one bucket, to one endpoint."""

    def __init__(self, target: Target, endpoint: str) -> None:
        self._signer = Signer(target.keys, endpoint)
        self._bucket = f"/{target.bucket}"

    def bucket(self) -> Request:
        return Request((self._signer.head("PUT", self._bucket, length=0),), "bucket")

    def get(self, key: str, size: int, check: Callable[[bytes], bool] | None = None) -> Request:
        return Request((self._head("GET", key),), "get", answer_bytes=size, check=check)

    def head(self, key: str) -> Request:
        return Request((self._head("HEAD", key),), "head", is_head=True)

    def delete(self, key: str) -> Request:
        return Request((self._head("DELETE", key),), "delete")

    def put(self, key: str, envelope: Envelope, pieces: Pieces) -> Request:
        """Upload one body."""
        head = self.put_head(key, envelope, envelope.payload(pieces))
        return Request(envelope.wrapped(head, pieces), "put", sent_bytes=envelope.length)

    def put_head(self, key: str, envelope: Envelope, payload: str, query: Pairs = ()) -> bytes:
        return self._head("PUT", key, query, envelope.length, payload, envelope.headers)

    def put_form(self, key: str, envelope: Envelope) -> Form:
        """The heads of all uploads to one key."""
        return self._signer.form("PUT", self._path(key), length=envelope.length, headers=envelope.headers)

    def page(
        self,
        prefix: str,
        after: str = "",
        keys_max: int = PAGE_KEYS_COUNT,
        check: Callable[[bytes], bool] | None = None,
    ) -> Request:
        """A page of keys; behind `after` when that is given."""
        query = [("list-type", "2"), ("max-keys", str(keys_max)), ("prefix", prefix)]
        if after:
            query.append(("start-after", after))
        return Request((self._signer.head("GET", self._bucket, query=query),), "list", check=check)

    def create_upload(self, key: str, ended: Ended) -> Request:
        head = self._head("POST", key, [("uploads", "")], 0)
        return Request((head,), "create", check=_names_upload, ended=ended, goes_on=True)

    def part(self, key: str, upload_id: str, number: int, envelope: Envelope, pieces: Pieces, ended: Ended) -> Request:
        query = [("partNumber", str(number)), ("uploadId", upload_id)]
        head = self.put_head(key, envelope, envelope.payload(pieces), query)
        return Request(envelope.wrapped(head, pieces), "part", sent_bytes=envelope.length, ended=ended, goes_on=True)

    def complete(self, key: str, upload_id: str, etags: list[str], began: float) -> Request:
        """`began`: when the upload did; it is counted as a whole of the kind `multipart`."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        head = self._head("POST", key, [("uploadId", upload_id)], len(body))
        return Request((head, body), "complete", check=_is_completed, whole=("multipart", began))

    def _head(
        self,
        method: str,
        key: str,
        query: Pairs = (),
        length: int | None = None,
        payload: str = UNSIGNED,
        headers: Pairs = (),
    ) -> bytes:
        return self._signer.head(method, self._path(key), query=query, length=length, payload=payload, headers=headers)

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{key}"


def _names_upload(body: bytes) -> bool:
    return b"<UploadId>" in body


def _is_completed(body: bytes) -> bool:
    return b"<Error>" not in body  # S3 may answer 200 and tell the error in the document
