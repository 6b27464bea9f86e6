"""Who sent this request?        Floor: operations. Called by: dispatch.

Law: nothing of a request is believed before its signature is. An unknown access key costs the same work as a wrong
signature, so that time does not tell which keys exist.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from mys3d.errors import S3Error
from mys3d.model.access import Credential
from mys3d.model.names import AccessKey, BucketName, UserId
from mys3d.operations.services import Services
from mys3d.policy.decide import ANONYMOUS, Principal
from mys3d.registry import queries
from mys3d.s3 import location, sigv2, sigv4, uri
from mys3d.s3.chunked import ChunkSigner
from mys3d.s3.message import Request
from mys3d.s3.router import MARKS
from mys3d.s3.signing import Way, hoisted
from mys3d.s3.table import Wire

_NOBODY: Final = "the secret that an unknown access key is compared with"
_TOKEN: Final = "x-amz-security-token"
_LIST_TYPE: Final = "list-type"  # both lists show the same


class Signer(msgspec.Struct, frozen=True):
    """Who sent a request, and with Signature Version 4 what is needed to check the chunks of its body."""

    principal: Principal
    key: bytes = b""
    claim: sigv4.Claim | None = None

    def chunk_signer(self) -> ChunkSigner:
        """Raises S3Error InvalidRequest: chunks are signed in Version 4 alone."""
        if self.claim is None:
            raise S3Error("InvalidRequest", "Signed chunks need a request that is signed by Signature Version 4.")
        return ChunkSigner(self.key, self.claim.timestamp, self.claim.scope, self.claim.signature)


async def authenticate(services: Services, request: Request, way: Way, wire: Wire) -> Signer:
    """Verify the signature of a request's head. Raises S3Error, Unavailable."""
    if way is Way.NOBODY:
        return Signer(ANONYMOUS)
    if way in (Way.HEADER_V4, Way.QUERY_V4):
        signer = await _authenticate_v4(services, request, way, wire.target.bucket)
    else:
        signer = await _authenticate_v2(services, request, way, wire)
    if _TOKEN in wire.headers or _TOKEN in map(str.lower, wire.query):
        raise S3Error("InvalidToken")  # there are no temporary credentials
    return signer


async def _authenticate_v4(services: Services, request: Request, way: Way, bucket: str) -> Signer:
    now = services.ports.clock.now()
    claim = sigv4.read_query_claim(request, now) if way is Way.QUERY_V4 else sigv4.read_claim(request, now)
    check_region(services, claim, bucket)
    found: list[bytes] = []

    def verify(secret: str) -> None:
        found.append(services.signing_keys.key(secret, claim.date, claim.region))
        sigv4.verify(request, claim, found[0])

    principal = await believe(services, claim.access_key, verify)
    return Signer(principal, found[0], claim)


async def _authenticate_v2(services: Services, request: Request, way: Way, wire: Wire) -> Signer:
    now = services.ports.clock.now()
    claim = sigv2.read_query_claim(request, now) if way is Way.QUERY_V2 else sigv2.read_claim(request, now)
    unsigned = MARKS & wire.query.keys() - sigv2.SIGNED - {_LIST_TYPE}
    if claim.is_presigned and unsigned:
        raise S3Error("AccessDenied", f"Signature Version 2 does not sign {', '.join(sorted(unsigned))}")
    above = uri.bucket_of_host(wire.headers.get("host", ""), services.domains)
    said = hoisted(way, wire.query)
    return Signer(
        await believe(services, claim.access_key, lambda secret: sigv2.verify(request, claim, secret, said, above))
    )


def check_region(services: Services, claim: sigv4.Claim, bucket: str) -> None:
    """Raises S3Error that names the right region."""
    if claim.region != services.region and claim.region != _region_of(services, bucket):
        raise sigv4.wrong_region(claim, services.region)


async def believe(services: Services, access_key: str, verify: Callable[[str], None]) -> Principal:
    """Return whose key it is, once `verify` has accepted its secret. Raises S3Error, Unavailable."""
    credential = await _credential(services, AccessKey(access_key))
    secret = _NOBODY if credential is None else services.vault.open(credential.access_key, credential.sealed_secret)
    try:
        verify(secret)
    except S3Error:
        if credential is None:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key) from None
        raise
    if credential is None:
        raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key)
    user = UserId(credential.access_key if credential.is_root else credential.user)
    return Principal(credential.access_key, user, credential.is_root)


async def _credential(services: Services, access_key: AccessKey) -> Credential | None:
    """A key that is not known here may have been made through another node: only a barrier makes its absence sure."""
    registry = services.ports.registry
    credential = queries.credential(registry.view(), access_key)
    if credential is None:
        await registry.barrier()
        credential = queries.credential(registry.view(), access_key)
    return credential


def _region_of(services: Services, bucket: str) -> str:
    """SDKs sign for the region that a bucket says it is in."""
    found = queries.bucket(services.ports.registry.view(), BucketName(bucket)) if bucket else None
    return services.region if found is None else location.region_of(found.configuration.location_constraint)
