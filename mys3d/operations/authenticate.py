"""Who sent this request?        Floor: operations. Called by: dispatch.

Law: nothing of a request is believed before its signature is. An unknown access key costs the same work as a wrong
signature, so that time does not tell which keys exist.
"""

from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error
from mys3d.model.access import Credential
from mys3d.model.names import AccessKey, BucketName, UserId
from mys3d.operations.services import Services
from mys3d.policy.decide import Principal
from mys3d.registry import queries
from mys3d.s3 import location, sigv4
from mys3d.s3.chunked import ChunkSigner
from mys3d.s3.message import Request

_NOBODY: Final = "the secret that an unknown access key is compared with"


@dataclass(frozen=True, slots=True)
class Signer:
    """An authenticated caller, and what is needed to check the chunks of its body."""

    principal: Principal
    key: bytes
    claim: sigv4.Claim

    def chunk_signer(self) -> ChunkSigner:
        return ChunkSigner(self.key, self.claim.timestamp, self.claim.scope, self.claim.signature)


async def authenticate(services: Services, request: Request, bucket: str) -> Signer:
    """Verify the signature of a request's head. Raises S3Error, Unavailable."""
    claim = sigv4.read_claim(request, services.ports.clock.now())
    if claim.region != services.region and claim.region != _region_of(services, bucket):
        raise sigv4.wrong_region(claim, services.region)
    credential = await _credential(services, AccessKey(claim.access_key))
    secret = _NOBODY if credential is None else services.vault.open(credential.access_key, credential.sealed_secret)
    key = services.signing_keys.key(secret, claim.date, claim.region)
    try:
        sigv4.verify(request, claim, key)
    except S3Error:
        if credential is None:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=claim.access_key) from None
        raise
    if credential is None:
        raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=claim.access_key)
    user = UserId(credential.access_key if credential.is_root else credential.user)
    return Signer(Principal(credential.access_key, user, credential.is_root), key, claim)


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
