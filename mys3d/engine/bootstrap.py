"""The first start of a cluster.        Floor: engine. Called by: node.

Law: every step may be repeated after a crash at any point and does nothing the second time. The environment seeds the
first start only; what an operator changed since is never overwritten.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from mys3d import limits
from mys3d.engine.admission import Description
from mys3d.engine.vault import NONCE_BYTES, Vault
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.names import AccessKey, BucketName, UserId
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import ChangeSettings, Command, CreateBucket, InitialiseCluster, PutCredential
from mys3d.registry.levels import LEVEL

_KEEP_DEFAULTS: Final = ChangeSettings()


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the first node of a cluster is told."""

    cluster_id: bytes
    name: str
    description: Description
    region: str
    access_key: AccessKey
    secret: str
    bucket: BucketName | None  # None: create none
    settings: ChangeSettings = _KEEP_DEFAULTS


async def first_start(ports: Ports, vault: Vault, plan: FirstStart) -> None:
    """Bring a new cluster into being; waits for this node to lead itself. Safe to repeat at every start.

    The root key and the settings are stored before the cluster has its id: a cluster that has one has them too, and
    from then on the environment's are not looked at (`is_other_root_key` tells when the key differs). After a crash
    the rows may lag behind the log, and an old cluster looks like none: only behind a barrier is its absence an answer.
    """
    await _until_settled(ports.registry.barrier)
    if queries.cluster(ports.registry.view()) is None:
        await _until_settled(lambda: _store_root_key(ports, vault, plan))
        await _until_settled(lambda: _store_settings(ports, plan.settings))
        await _until_settled(lambda: _initialise(ports, plan))
    if plan.bucket is not None:
        await ensure_bucket(ports, plan.bucket, plan.access_key)


def is_other_root_key(ports: Ports, vault: Vault, plan: FirstStart) -> bool:
    """True when the cluster does not know the configured key, or knows it with another secret: a line for the log."""
    found = queries.credential(ports.registry.view(), plan.access_key)
    return found is None or vault.open(plan.access_key, found.sealed_secret) != plan.secret


async def ensure_bucket(ports: Ports, name: BucketName, owner: AccessKey) -> None:
    """Create a bucket unless it exists; waits for a leader."""
    await _until_settled(lambda: _create_bucket(ports, name, owner))


async def _store_root_key(ports: Ports, vault: Vault, plan: FirstStart) -> None:
    sealed = vault.seal(plan.access_key, plan.secret, ports.entropy.token(NONCE_BYTES))
    await ports.registry.propose(PutCredential(plan.access_key, sealed, user="root", is_root=True, replace=True))


def settings_that_differ(ports: Ports, wanted: ChangeSettings) -> list[str]:
    """The configured settings of the whole cluster that are not its own: words for the log, nothing is changed."""
    found = queries.settings(ports.registry.view())
    pairs = [(name, getattr(wanted, name), getattr(found, name)) for name in wanted.__struct_fields__]
    return [f"{name} is {has}, configured {value}" for name, value, has in pairs if value not in (None, has)]


async def _store_settings(ports: Ports, settings: ChangeSettings) -> None:
    if settings != _KEEP_DEFAULTS:
        await ports.registry.propose(settings)


async def _initialise(ports: Ports, plan: FirstStart) -> None:
    command = InitialiseCluster(
        cluster_id=plan.cluster_id,
        node=ports.node,
        name=plan.name,
        incarnation=plan.description.incarnation,
        addresses=plan.description.addresses,
        zone=plan.description.zone,
        capacity_bytes=plan.description.capacity_bytes,
        region=plan.region,
        level=LEVEL,
    )
    await _propose_once(ports, command, Reason.ALREADY_INITIALISED)


async def _create_bucket(ports: Ports, name: BucketName, owner: AccessKey) -> None:
    if queries.bucket(ports.registry.view(), name) is not None:
        return
    command = CreateBucket(name, UserId(owner), BucketConfiguration())
    await _propose_once(ports, command, Reason.BUCKET_OWNED_BY_YOU, Reason.BUCKET_EXISTS)


async def _propose_once(ports: Ports, command: Command, *done: Reason) -> None:
    """Propose; a refusal that says it is done already is as good."""
    try:
        await ports.registry.propose(command)
    except Rejected as refusal:
        if refusal.reason not in done:
            raise


async def _until_settled(step: Callable[[], Awaitable[object]]) -> None:
    """Repeat a step while no leader answers. It looks at what is applied first, so repeating it is harmless."""
    while True:
        try:
            await step()
            return
        except (Unavailable, OutcomeUnknown):
            await trio.sleep(limits.membership_tick_seconds)
