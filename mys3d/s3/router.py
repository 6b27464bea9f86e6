"""From a request to the AWS name of its operation.        Floor: s3 (pure). Called by: operations.

Law: every operation of S3 is known by name, built or not, so that what is not built says so and is never mistaken for
a plain GET or PUT. Of several that fit, the one with the most marks wins.
Source: the S3 model of botocore 1.44.5 (116 operations) and the S3 API Reference for the marks it leaves out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error
from mys3d.s3.uri import Target

# method, level, name, marks: query keys that must be there (`key=value`: with that value), `@header` that must be.
_KNOWN: Final = """
GET    service ListBuckets
HEAD   bucket  HeadBucket
PUT    bucket  CreateBucket
DELETE bucket  DeleteBucket
POST   bucket  CreateBucketMetadataConfiguration metadataConfiguration
POST   bucket  CreateBucketMetadataTableConfiguration metadataTable
POST   bucket  DeleteObjects delete
GET    bucket  CreateSession session
GET    bucket  ListObjects
GET    bucket  ListObjectsV2 list-type=2
GET    bucket  ListObjectVersions versions
GET    bucket  ListMultipartUploads uploads
GET    bucket  GetBucketAbac abac
GET    bucket  GetBucketAccelerateConfiguration accelerate
GET    bucket  GetBucketAcl acl
GET    bucket  GetBucketAnalyticsConfiguration analytics id
GET    bucket  ListBucketAnalyticsConfigurations analytics
GET    bucket  GetBucketCors cors
GET    bucket  GetBucketEncryption encryption
GET    bucket  GetBucketIntelligentTieringConfiguration intelligent-tiering id
GET    bucket  ListBucketIntelligentTieringConfigurations intelligent-tiering
GET    bucket  GetBucketInventoryConfiguration inventory id
GET    bucket  ListBucketInventoryConfigurations inventory
GET    bucket  GetBucketLifecycleConfiguration lifecycle
GET    bucket  GetBucketLocation location
GET    bucket  GetBucketLogging logging
GET    bucket  GetBucketMetadataConfiguration metadataConfiguration
GET    bucket  GetBucketMetadataTableConfiguration metadataTable
GET    bucket  GetBucketMetricsConfiguration metrics id
GET    bucket  ListBucketMetricsConfigurations metrics
GET    bucket  GetBucketNotificationConfiguration notification
GET    bucket  GetBucketOwnershipControls ownershipControls
GET    bucket  GetBucketPolicy policy
GET    bucket  GetBucketPolicyStatus policyStatus
GET    bucket  GetBucketReplication replication
GET    bucket  GetBucketRequestPayment requestPayment
GET    bucket  GetBucketTagging tagging
GET    bucket  GetBucketVersioning versioning
GET    bucket  GetBucketWebsite website
GET    bucket  GetObjectLockConfiguration object-lock
GET    bucket  GetPublicAccessBlock publicAccessBlock
PUT    bucket  PutBucketAbac abac
PUT    bucket  PutBucketAccelerateConfiguration accelerate
PUT    bucket  PutBucketAcl acl
PUT    bucket  PutBucketAnalyticsConfiguration analytics
PUT    bucket  PutBucketCors cors
PUT    bucket  PutBucketEncryption encryption
PUT    bucket  PutBucketIntelligentTieringConfiguration intelligent-tiering
PUT    bucket  PutBucketInventoryConfiguration inventory
PUT    bucket  PutBucketLifecycleConfiguration lifecycle
PUT    bucket  PutBucketLogging logging
PUT    bucket  PutBucketMetricsConfiguration metrics
PUT    bucket  PutBucketNotificationConfiguration notification
PUT    bucket  PutBucketOwnershipControls ownershipControls
PUT    bucket  PutBucketPolicy policy
PUT    bucket  PutBucketReplication replication
PUT    bucket  PutBucketRequestPayment requestPayment
PUT    bucket  PutBucketTagging tagging
PUT    bucket  PutBucketVersioning versioning
PUT    bucket  PutBucketWebsite website
PUT    bucket  PutObjectLockConfiguration object-lock
PUT    bucket  PutPublicAccessBlock publicAccessBlock
PUT    bucket  UpdateBucketMetadataAnnotationTableConfiguration metadataAnnotationTable
PUT    bucket  UpdateBucketMetadataInventoryTableConfiguration metadataInventoryTable
PUT    bucket  UpdateBucketMetadataJournalTableConfiguration metadataJournalTable
DELETE bucket  DeleteBucketAnalyticsConfiguration analytics
DELETE bucket  DeleteBucketCors cors
DELETE bucket  DeleteBucketEncryption encryption
DELETE bucket  DeleteBucketIntelligentTieringConfiguration intelligent-tiering
DELETE bucket  DeleteBucketInventoryConfiguration inventory
DELETE bucket  DeleteBucketLifecycle lifecycle
DELETE bucket  DeleteBucketMetadataConfiguration metadataConfiguration
DELETE bucket  DeleteBucketMetadataTableConfiguration metadataTable
DELETE bucket  DeleteBucketMetricsConfiguration metrics
DELETE bucket  DeleteBucketOwnershipControls ownershipControls
DELETE bucket  DeleteBucketPolicy policy
DELETE bucket  DeleteBucketReplication replication
DELETE bucket  DeleteBucketTagging tagging
DELETE bucket  DeleteBucketWebsite website
DELETE bucket  DeletePublicAccessBlock publicAccessBlock
GET    key     GetObject
HEAD   key     HeadObject
PUT    key     PutObject
DELETE key     DeleteObject
PUT    key     CopyObject @x-amz-copy-source
PUT    key     UploadPart uploadId partNumber
PUT    key     UploadPartCopy uploadId partNumber @x-amz-copy-source
PUT    key     PutObjectAcl acl
PUT    key     PutObjectAnnotation annotation
PUT    key     PutObjectLegalHold legal-hold
PUT    key     PutObjectRetention retention
PUT    key     PutObjectTagging tagging
PUT    key     RenameObject renameObject
PUT    key     UpdateObjectEncryption encryption
POST   key     CreateMultipartUpload uploads
POST   key     CompleteMultipartUpload uploadId
POST   key     RestoreObject restore
POST   key     SelectObjectContent select
GET    key     ListParts uploadId
GET    key     GetObjectAcl acl
GET    key     GetObjectAnnotation annotation annotationName
GET    key     ListObjectAnnotations annotation
GET    key     GetObjectAttributes attributes
GET    key     GetObjectLegalHold legal-hold
GET    key     GetObjectRetention retention
GET    key     GetObjectTagging tagging
GET    key     GetObjectTorrent torrent
DELETE key     AbortMultipartUpload uploadId
DELETE key     DeleteObjectAnnotation annotation
DELETE key     DeleteObjectTagging tagging
POST   bucket  PostObject
"""

# Names of the model that no path-style request can mean: older names of the same wire form, or another endpoint's.
_ALIASES: Final = frozenset(
    {
        "GetBucketLifecycle",
        "GetBucketNotification",
        "PutBucketLifecycle",
        "PutBucketNotification",
        "ListDirectoryBuckets",
        "WriteGetObjectResponse",
    }
)


@dataclass(frozen=True, slots=True)
class Route:
    """How one operation is recognised."""

    method: str
    level: str  # "service", "bucket" or "key"
    name: str
    queries: tuple[tuple[str, str], ...]  # value empty: any
    headers: tuple[str, ...]

    def fits(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return all(name in query and value in ("", query[name]) for name, value in self.queries) and all(
            name in headers for name in self.headers
        )


def _parse(line: str) -> Route:
    method, level, name, *marks = line.split()
    queries = [mark.partition("=") for mark in marks if not mark.startswith("@")]
    headers = tuple(mark[1:] for mark in marks if mark.startswith("@"))
    return Route(method, level, name, tuple((key, value) for key, _, value in queries), headers)


def _index(routes: tuple[Route, ...]) -> dict[tuple[str, str], tuple[Route, ...]]:
    ranked = sorted(routes, key=lambda route: -len(route.queries) - len(route.headers))
    places = {(route.method, route.level) for route in routes}
    return {place: tuple(route for route in ranked if (route.method, route.level) == place) for place in sorted(places)}


ROUTES: Final = tuple(map(_parse, _KNOWN.strip().splitlines()))
MARKS: Final = frozenset(name for route in ROUTES for name, _ in route.queries)  # queries that select an operation
NAMES: Final = frozenset(route.name for route in ROUTES) | _ALIASES
_BY_PLACE: Final = _index(ROUTES)


def route(method: str, target: Target, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the AWS name of the operation. Raises S3Error MethodNotAllowed."""
    if method == "POST" and target.bucket == "WriteGetObjectResponse":
        return target.bucket
    level = "key" if target.key else "bucket" if target.bucket else "service"
    candidates = _BY_PLACE.get((method, level), ())
    if not query and candidates and not candidates[-1].queries and "x-amz-copy-source" not in headers:
        return candidates[-1].name  # the plain one, which stands last
    for candidate in candidates:
        if candidate.fits(query, headers):
            return candidate.name
    raise S3Error("MethodNotAllowed", Method=method, ResourceType=level.upper())
