"""Rules of uploads in parts: begin, put a part, complete, abort.        Floor: registry (pure).

Law: an upload is open, or completed, or aborted, and never again anything else: of racing commands one decides. A part
counts its blobs from the command that puts it until it is replaced or reaped. Completing touches no part.
"""

from itertools import islice

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.body import PartsBody
from mys3d.model.names import BodyId, Instant, UploadId, VersionId
from mys3d.model.objects import Version
from mys3d.model.uploads import Part, Upload
from mys3d.registry import references, tables, upload_tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import CompleteUpload
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome, PartPut, UploadBegun, VersionPut
from mys3d.registry.records import BodyRow, Completed
from mys3d.registry.rules import bodies, objects, versions
from mys3d.registry.transaction import Transaction
from mys3d.registry.upload_commands import AbortUpload, CreateUpload, PutPart


def create(tx: Transaction, at: Moment, command: CreateUpload) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    upload = UploadId(at.index)
    record = Upload(
        FORMAT,
        command.token,
        command.owner,
        at.now,
        command.content,
        command.algorithm,
        command.is_composite,
        acl=command.acl,
    )
    upload_tables.put_upload(tx, command.bucket, command.key, upload, record)
    return Applied(at.index, UploadBegun(upload))


def put_part(tx: Transaction, at: Moment, command: PutPart) -> Outcome:
    upload = upload_tables.upload(tx, command.bucket, command.key, command.upload)
    if upload is None:
        return Rejected(Reason.NO_SUCH_UPLOAD, f"upload {command.upload} is not open")
    refusal = bodies.claim(tx, command)
    if refusal is not None:
        return refusal
    before = upload_tables.part(tx, command.upload, command.number)
    replaced = before.body if before is not None else None
    bodies.disown(tx, at, replaced)
    references.change(tx, references.blobs_of(replaced), references.blobs_of(command.body))
    part = Part(FORMAT, command.body, command.size, command.etag, at.now, command.checksums)
    upload_tables.put_part(tx, command.upload, command.number, part)
    grown = msgspec.structs.replace(
        upload, revision=upload.revision + 1, parts_count=upload.parts_count + (before is None)
    )
    upload_tables.put_upload(tx, command.bucket, command.key, command.upload, grown)
    return Applied(at.index, PartPut(at.now))


def complete(tx: Transaction, at: Moment, command: CompleteUpload) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    upload = upload_tables.upload(tx, command.bucket, command.key, command.upload)
    if upload is None:
        return _again(tx, at, command)
    if upload.revision != command.revision:
        return Rejected(Reason.UPLOAD_CHANGED, f"revision {upload.revision}, found {command.revision}")
    before = tables.live(tx, command.bucket, command.key)
    refusal = objects.refusal_of(before, command.precondition)
    if refusal is not None:
        return refusal
    body = _gathered(tx, command, upload)
    version = Version(
        FORMAT,
        VersionId(at.index),
        is_null=True,
        modified_at=at.now,
        size=command.size,
        etag=command.etag,
        body=body,
        content=upload.content,
        checksums=command.checksums,
        acl=upload.acl,
    )
    made = versions.make_visible(tx, at, command.bucket, command.key, before, version)
    assert isinstance(made.detail, VersionPut), f"a version was put, found {made.detail}"
    _remember(tx, at, command, upload, made.detail)
    return made


def abort(tx: Transaction, at: Moment, command: AbortUpload) -> Outcome:
    upload = upload_tables.upload(tx, command.bucket, command.key, command.upload)
    if upload is None:
        return Rejected(Reason.NO_SUCH_UPLOAD, f"upload {command.upload} is not open")
    upload_tables.drop_upload(tx, command.bucket, command.key, command.upload)
    if upload.parts_count:
        bodies.bury(tx, at, BodyId(command.upload), is_parts=True)
    if not tables.has_bucket(tx, command.bucket) and not upload_tables.has_uploads(tx, command.bucket):
        upload_tables.drop_orphans(tx, command.bucket)
    return Applied(at.index)


def _gathered(tx: Transaction, command: CompleteUpload, upload: Upload) -> PartsBody:
    """The upload becomes a body with one owner. What its table does not name is left over."""
    parts_count = sum(run.count for run in command.runs)
    body = BodyId(command.upload)
    tables.put_body(tx, body, BodyRow(FORMAT, owners_count=1, blobs_count=0, extents_count=0, size=command.size))
    upload_tables.put_part_table(tx, body, command.runs)
    if parts_count < upload.parts_count:
        upload_tables.put_leftovers(tx, body, 0)
    upload_tables.drop_upload(tx, command.bucket, command.key, command.upload)
    return PartsBody(body, parts_count)


def _remember(tx: Transaction, at: Moment, command: CompleteUpload, upload: Upload, made: VersionPut) -> None:
    """Keep the answer, and forget some that are older than a day."""
    for index, older in list(islice(upload_tables.completions(tx), limits.completed_forgotten_max)):
        found = upload_tables.completed(tx, older)
        if found is not None and found.expires_at > at.now:
            break
        upload_tables.drop_completed(tx, index, older)
    expires_at = Instant(at.now + limits.completed_lifetime_ms)
    record = Completed(
        FORMAT, upload.token, command.bucket, command.key, made, command.etag, command.checksums, expires_at
    )
    upload_tables.put_completed(tx, at.index, command.upload, record)


def _again(tx: Transaction, at: Moment, command: CompleteUpload) -> Outcome:
    """The answer that the upload got when it was completed, if the same parts are meant."""
    found = upload_tables.completed(tx, command.upload)
    is_same = found is not None and (found.bucket, found.key, found.etag) == (command.bucket, command.key, command.etag)
    if found is None or not is_same or found.expires_at <= at.now:
        return Rejected(Reason.NO_SUCH_UPLOAD, f"upload {command.upload} is not open")
    return Applied(at.index, found.made)
