"""Uploads in parts: complete.        Floor: operations. Called by: dispatch.

Law: what the client says of each part, and of the object, is compared with what was stored before anything becomes
visible; the same request again is answered as the first was, whatever became of the object since.
Source: S3 API, CompleteMultipartUpload; S3 User Guide, "Checking object integrity", "Multipart upload limits".
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Final

import msgspec

from mys3d import limits
from mys3d.engine import multipart
from mys3d.engine.copy import Place
from mys3d.engine.hashing import combined, hash_of
from mys3d.engine.multipart import Seen
from mys3d.errors import S3Error
from mys3d.model.names import UploadId, UserId
from mys3d.model.objects import Checksum
from mys3d.model.uploads import Part, Upload, runs_of
from mys3d.operations.answers import XML_TYPE, quoted
from mys3d.operations.call import Call, bucket_for_write, writing_to
from mys3d.operations.objects import object_key
from mys3d.operations.parts import kept_algorithm
from mys3d.operations.storing import precondition_of, version_made
from mys3d.operations.uploads import check_initiator
from mys3d.registry.commands import CompleteUpload, Precondition
from mys3d.registry.records import Completed
from mys3d.s3 import checksums, upload_ids, uri, xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Header, Query, Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class CompletedPart:
    part_number: Annotated[int, Element("PartNumber")]
    etag: Annotated[str, Element("ETag")]
    crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    sha256: Annotated[str | None, Element("ChecksumSHA256")] = None
    sha512: Annotated[str | None, Element("ChecksumSHA512")] = None
    md5: Annotated[str | None, Element("ChecksumMD5")] = None
    xxhash64: Annotated[str | None, Element("ChecksumXXHASH64")] = None
    xxhash3: Annotated[str | None, Element("ChecksumXXHASH3")] = None
    xxhash128: Annotated[str | None, Element("ChecksumXXHASH128")] = None

    def checksums(self) -> Mapping[str, str]:
        """The checksums that were given, by algorithm."""
        return _given(self)


@dataclass(frozen=True, slots=True)
class CompletedMultipartUpload:
    parts: Annotated[tuple[CompletedPart, ...], Element("Part")] = ()


class CompleteMultipartUpload(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    upload_id: Annotated[str, Query("uploadId")]
    upload: Annotated[CompletedMultipartUpload, XmlBody("CompleteMultipartUpload", limits.xml_complete_bytes_max)] = (
        CompletedMultipartUpload()
    )
    crc32: Annotated[str | None, Header("x-amz-checksum-crc32")] = None
    crc32c: Annotated[str | None, Header("x-amz-checksum-crc32c")] = None
    crc64nvme: Annotated[str | None, Header("x-amz-checksum-crc64nvme")] = None
    sha1: Annotated[str | None, Header("x-amz-checksum-sha1")] = None
    sha256: Annotated[str | None, Header("x-amz-checksum-sha256")] = None
    sha512: Annotated[str | None, Header("x-amz-checksum-sha512")] = None
    md5: Annotated[str | None, Header("x-amz-checksum-md5")] = None
    xxhash64: Annotated[str | None, Header("x-amz-checksum-xxhash64")] = None
    xxhash3: Annotated[str | None, Header("x-amz-checksum-xxhash3")] = None
    xxhash128: Annotated[str | None, Header("x-amz-checksum-xxhash128")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None
    object_size: Annotated[int | None, Header("x-amz-mp-object-size")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None

    def checksums(self) -> Mapping[str, str]:
        """The checksums of the object that were given, by algorithm."""
        return _given(self)


def _given(asked: CompletedPart | CompleteMultipartUpload) -> Mapping[str, str]:
    return {name: text for name in checksums.ALGORITHMS if (text := getattr(asked, name.lower())) is not None}


@operation("POST", "/{Bucket}/{Key+}", CompleteMultipartUpload, action="s3:PutObject")
async def complete_multipart_upload(call: Call, asked: CompleteMultipartUpload) -> Response:
    key = object_key(asked.key)
    precondition = precondition_of(asked.if_match, asked.if_none_match)
    upload, token = upload_ids.read(asked.upload_id)
    _check_list(asked.upload.parts)
    bucket = await bucket_for_write(call, asked.bucket)
    place = Place(bucket.id, key)
    check = partial(check_initiator, call, bucket)
    decision = _Decision(asked, place, upload, token, precondition, check)
    with writing_to(call, bucket):
        made = await multipart.complete(call.services.ports, place, upload, decision)
    tree: dict[str, xml.Node] = {
        "Location": uri.url_of(call.origin, call.services.domains, bucket.name, key),
        "Bucket": bucket.name,
        "Key": key,
        "ETag": quoted(decision.etag),
    }
    for checksum in decision.checksums:
        tree |= checksums.elements_of(checksum)
    return Response(200, [XML_TYPE, *version_made(made)], xml.write("CompleteMultipartUploadResult", tree))


def _check_list(parts: Sequence[CompletedPart]) -> None:
    """Raises S3Error MalformedXML, InvalidPartOrder."""
    if not parts or len(parts) > limits.parts_max:
        raise S3Error("MalformedXML")
    if any(before.part_number >= behind.part_number for before, behind in pairwise(parts)):
        raise S3Error("InvalidPartOrder")


class _Decision:
    """Holds a list of parts against those of an upload. Asked again when the upload changed meanwhile."""

    def __init__(
        self,
        asked: CompleteMultipartUpload,
        place: Place,
        upload: UploadId,
        token: bytes,
        precondition: Precondition,
        check_initiator: Callable[[UserId], None],
    ) -> None:
        self.etag = ""
        self.checksums: tuple[Checksum, ...] = ()
        self._asked: Final = asked
        self._place: Final = place
        self._upload: Final = upload
        self._token: Final = token
        self._precondition: Final = precondition
        self._check_initiator: Final = check_initiator

    def __call__(self, seen: Seen) -> CompleteUpload | Completed:
        """Raises S3Error."""
        if seen.upload is None or not hmac.compare_digest(seen.upload.token, self._token):
            return self._earlier(seen.completed)
        self._check_initiator(seen.upload.owner)
        parts = _named(self._asked.upload.parts, seen.parts)
        size = sum(part.size for part in parts)
        _check_sizes(parts, size, self._asked)
        self.etag = _etag([part.etag for part in parts])
        self.checksums = _checksums(seen.upload, parts)
        _check_object(self._asked, seen.upload, self.checksums)
        numbers = [part.part_number for part in self._asked.upload.parts]
        return CompleteUpload(
            self._place.bucket,
            self._place.key,
            self._upload,
            seen.upload.revision,
            runs_of(list(zip(numbers, [part.size for part in parts], strict=True))),
            size,
            self.etag,
            self.checksums,
            self._precondition,
        )

    def _earlier(self, found: Completed | None) -> Completed:
        """The answer to the same request before. Raises S3Error NoSuchUpload."""
        is_own = found is not None and hmac.compare_digest(found.token, self._token)
        if found is None or not is_own or (found.bucket, found.key) != (self._place.bucket, self._place.key):
            raise S3Error("NoSuchUpload", UploadId=self._asked.upload_id)
        try:
            etag = _etag([part.etag.strip().strip('"') for part in self._asked.upload.parts])
        except ValueError as error:
            raise S3Error("NoSuchUpload", UploadId=self._asked.upload_id) from error
        if etag != found.etag:
            raise S3Error("NoSuchUpload", UploadId=self._asked.upload_id)
        self.etag, self.checksums = found.etag, found.checksums
        return found


def _named(listed: Sequence[CompletedPart], stored: Mapping[int, Part]) -> list[Part]:
    """The stored parts of a list. Raises S3Error InvalidPart."""
    parts = []
    for wanted in listed:
        part = stored.get(wanted.part_number)
        if part is None or wanted.etag.strip().strip('"') != part.etag:
            raise _invalid_part(wanted)
        kept = {checksum.algorithm: base64.b64encode(checksum.value).decode() for checksum in part.checksums}
        if any(kept.get(name) != text.strip() for name, text in wanted.checksums().items()):
            raise _invalid_part(wanted)
        parts.append(part)
    return parts


def _invalid_part(wanted: CompletedPart) -> S3Error:
    return S3Error("InvalidPart", PartNumber=str(wanted.part_number), ETag=wanted.etag.strip().strip('"'))


def _check_sizes(parts: Sequence[Part], size: int, asked: CompleteMultipartUpload) -> None:
    """Raises S3Error EntityTooSmall, EntityTooLarge, InvalidRequest."""
    for listed, part in zip(asked.upload.parts[:-1], parts[:-1], strict=True):
        if part.size < limits.part_bytes_min:
            raise S3Error(
                "EntityTooSmall",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(limits.part_bytes_min),
                PartNumber=str(listed.part_number),
                ETag=part.etag,
            )
    if size > limits.object_bytes_max:
        raise S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(limits.object_bytes_max))
    if asked.object_size not in (None, size):
        raise S3Error(
            "InvalidRequest",
            f"The provided 'x-amz-mp-object-size' header value {asked.object_size} does not match what was computed: "
            f"{size}",
        )


def _etag(etags: Sequence[str]) -> str:
    """The entity tag of an object in parts, which are named by theirs. Raises ValueError."""
    joined = b"".join(map(bytes.fromhex, etags))
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _checksums(upload: Upload, parts: Sequence[Part]) -> tuple[Checksum, ...]:
    """The checksum of an object from those of its parts. A part that has none of its kind leaves the object without."""
    algorithm = kept_algorithm(upload)
    values = [checksum.value for part in parts for checksum in part.checksums if checksum.algorithm == algorithm.name]
    if len(values) != len(parts):
        return ()
    if upload.is_composite:
        value = hash_of(algorithm.hash, b"".join(values))
        return (Checksum(algorithm.name, value, is_composite=True, parts_count=len(parts)),)
    sizes = [part.size for part in parts]
    return (Checksum(algorithm.name, combined(algorithm.hash, list(zip(values, sizes, strict=True)))),)


def _check_object(asked: CompleteMultipartUpload, upload: Upload, found: tuple[Checksum, ...]) -> None:
    """Hold what the headers say of the object against what was computed. Raises S3Error BadDigest, InvalidRequest."""
    kind = checksums.COMPOSITE if upload.is_composite else checksums.FULL_OBJECT
    if asked.checksum_type is not None and asked.checksum_type.upper() != kind:
        raise S3Error(
            "BadDigest", f"The upload was created using the {kind} checksum mode. The request must use the same one."
        )
    given = asked.checksums()
    if len(given) > 1:
        raise S3Error(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    kept = {checksum.algorithm: checksum for checksum in found}
    for name, text in given.items():
        told = checksums.text_of(kept[name]) if name in kept else ""
        if text.strip() not in (told, told.partition("-")[0]):  # the count of parts may be left out
            raise S3Error("BadDigest", f"The {name} you specified did not match the calculated checksum.")
