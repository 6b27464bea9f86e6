"""The life of one node, from its directory to its last answer.        Floor: composition root. Called by: cli.

Order up: identity, rows, journal, blobs, peers, consensus, flows, front. Order down: the front answers what is in
flight, leadership is handed over, then the drivers close.
Law: cancelling `run_node` stops a node in good order; only a second cancellation, or a fault, is abrupt.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog
import trio

from mys3d import limits
from mys3d.blobs.space import measure_beside
from mys3d.blobs.store import BlobStore, Folder
from mys3d.buffers import Buffers
from mys3d.config import NodeConfig
from mys3d.consensus.consensus import Consensus, StoreAhead
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.generations import GenerationStore
from mys3d.consensus.identity import JournalForgot, Life
from mys3d.consensus.machine import MACHINE
from mys3d.consensus.segments import JournalDamaged, JournalForeign
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.engine.admission import announce, create_token
from mys3d.engine.bootstrap import ensure_bucket, first_start, is_other_root_key, settings_that_differ
from mys3d.engine.budget import BufferBudget
from mys3d.engine.comparison import Comparison
from mys3d.engine.doctor import Examine, examine
from mys3d.engine.epochs import Epochs
from mys3d.engine.gc import Collector
from mys3d.engine.membership import Membership
from mys3d.engine.reaping import Reaping
from mys3d.engine.removal import RemovalAsked, remove_member
from mys3d.engine.repair import MissingCopies
from mys3d.engine.room import watch_room
from mys3d.engine.scrub import Scrub
from mys3d.engine.scrub_call import ScrubAsked, scrub_nodes
from mys3d.engine.service import Service
from mys3d.engine.settings import SettingsAsked, change_settings
from mys3d.engine.status import cluster_status
from mys3d.engine.users import (
    KeyAsked,
    NewUserAsked,
    UserAsked,
    UsersAsked,
    create_key,
    create_user,
    delete_key,
    delete_user,
    list_users,
)
from mys3d.engine.vault import Vault
from mys3d.errors import Unavailable
from mys3d.model.names import AccessKey, NodeId, parse_bucket_name
from mys3d.node import founding, rebirth
from mys3d.node.belief import believing
from mys3d.node.inbound import Inbound
from mys3d.node.log_lines import set_up_logging
from mys3d.node.node_file import announced
from mys3d.node.quarantine import put_aside
from mys3d.node.scrub_file import ScrubFile
from mys3d.node.verdicts import Verdicts
from mys3d.node.world import MachineClock, MachineEntropy
from mys3d.operations.dispatch import dispatch
from mys3d.operations.services import Services
from mys3d.peers.bulk import Bulk
from mys3d.peers.identity import Identity
from mys3d.peers.join import token_for
from mys3d.peers.network import PeerNetwork
from mys3d.ports import AppliedEntry, Ports
from mys3d.registry import queries
from mys3d.registry.codec import RowDamaged
from mys3d.registry.commands import InitialiseCluster, JoinMember, RemoveMember, UpdateMember
from mys3d.web.admin import Action, AdminCalls, admin_token
from mys3d.web.app import admin_app, s3_app
from mys3d.web.certificate import Certificate
from mys3d.web.serve import Bound, serve_front

log = structlog.get_logger("mys3d.node")


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node that has begun to serve."""

    name: str
    node: NodeId
    bound: Bound


Ready = Callable[[RunningNode], None]
Amends = Callable[[NodeConfig], None]


async def run_node(config: NodeConfig, *, on_ready: Ready | None = None) -> None:
    """Run one node until cancelled; on an empty directory it becomes a new cluster.

    Raises Unavailable: the directory is not usable, with what is wrong and where. `on_ready` is called once, when this
    node serves and has caught up with its cluster.
    """
    set_up_logging(config.log_level)
    for note in config.notes:
        log.info(note)
    await _certificate_of(config)
    identity = await trio.to_thread.run_sync(_identity_of, config)
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_live, config, identity, stop, _once(on_ready))
        try:
            await stop.wait()  # never set before this task is cancelled or its sibling fails
        finally:
            stop.set()


def _once(on_ready: Ready | None) -> Ready | None:
    """A node that was made anew says ready again, its caller is told once."""
    told: list[RunningNode] = []

    def tell(node: RunningNode) -> None:
        told.append(node)
        if on_ready is not None and len(told) == 1:
            on_ready(node)

    return tell


async def _certificate_of(config: NodeConfig) -> Certificate | None:
    """Raises Unavailable when the configured one cannot be used."""
    if config.certificate is None:
        return None
    certificate = Certificate(*config.certificate)
    await trio.to_thread.run_sync(certificate.check)
    return certificate


def _identity_of(config: NodeConfig) -> Identity:
    return founding.open_identity(config, MachineEntropy(), MachineClock())


async def _live(config: NodeConfig, identity: Identity, stop: trio.Event, on_ready: Ready | None) -> None:
    """Live until `stop`, with a new registry or a new journal whenever the old one cannot be trusted.

    Shielded, so that a cancellation becomes a shutdown in good order.
    """
    with trio.CancelScope(shield=True):
        while not stop.is_set():
            end = await _lived(config, identity, stop, on_ready)
            if end is None:
                return
            gc.collect()  # an iterator in a dead frame would keep the damaged store open
            await trio.to_thread.run_sync(end, config)
            identity = await trio.to_thread.run_sync(_identity_of, config)


async def _lived(config: NodeConfig, identity: Identity, stop: trio.Event, on_ready: Ready | None) -> Amends | None:
    """One life. Returns what must be done before the next one: its rows, or its journal, the others have as well."""
    amends: list[Amends] = []
    try:
        store = await trio.to_thread.run_sync(GenerationStore, config.registry_path)
        try:
            folders = [Folder(path, capacity) for path, capacity in config.blobs]
            roster = config.data / founding.ROSTER_NAME
            space = measure_beside([config.data, config.registry_path])
            async with BlobStore(folders, identity.cluster_id, roster=roster, space=space) as blobs:
                await _wired(config, identity, store, blobs, stop).run(on_ready)
        finally:
            await trio.to_thread.run_sync(store.close)
    except* (StoreDamaged, RowDamaged) as found:
        amends.append(partial(_renew_registry, _first(found)))
    except* JournalForgot as forgot:
        amends.append(partial(_renew_journal, _first(forgot)))
    return amends[0] if amends else None


def _renew_registry(why: str, config: NodeConfig) -> None:
    put_aside(config.registry_path, why, MachineClock().now())


def _renew_journal(why: str, config: NodeConfig) -> None:
    log.error("the journal is not the one that this node kept", why=why)
    rebirth.put_aside(config.data)


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    """The text of the first fault of a group."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else str(found)


def _wired(
    config: NodeConfig, identity: Identity, store: GenerationStore, blobs: BlobStore, stop: trio.Event
) -> "Node":
    """Put the node together, with a new journal when its own cannot be trusted. Raises Unavailable when that is all
    there is, or when it is another cluster's."""
    founding.refuse_older_software(identity, store.reader())
    try:
        node = Node(config, identity, store, blobs, stop, rebirth.life_of(config.data, identity))
    except JournalForeign as error:
        advice = f"this node cannot go on: move {config.data} away and join again with a new token"
        raise Unavailable(f"{error}; {advice}") from error
    except (JournalDamaged, StoreAhead, JournalForgot) as error:
        reborn, life = rebirth.begin_anew(config.data, identity, store.reader(), MachineEntropy(), str(error))
        node = Node(config, reborn, store, blobs, stop, life)
    founding.refuse_loneliness(config, identity, node.consensus.is_stale)
    rebirth.remember_log(config.data)
    return node


class Node:
    """Everything of one node, wired up. `stop` begins its shutdown."""

    def __init__(
        self,
        config: NodeConfig,
        identity: Identity,
        store: GenerationStore,
        blobs: BlobStore,
        stop: trio.Event,
        life: Life,
    ) -> None:
        clock, entropy = MachineClock(), MachineEntropy()
        self.config, self.identity, self.stop = config, identity, stop
        self.blobs = blobs
        self.buffers = Buffers()
        bulk = Bulk(self.buffers, entropy, has_plain=config.peers_bulk == "plain")
        inbound = Inbound()
        self.network = PeerNetwork(identity, inbound, inbound, clock, entropy, config.peers_bind, bulk)
        self.consensus = Consensus(
            identity.node,
            FileDisk(config.data / founding.JOURNAL_NAME, identity.cluster_id),
            store,
            MACHINE,
            self.network,
            clock,
            entropy,
            [identity.node] if founding.is_founder(identity) else [],
            life=life,
            log_keep_entries=config.log_keep_entries,
        )
        bare = Ports(identity.node, self.consensus, blobs, self.network, clock, entropy)
        self.missing = MissingCopies(bare)
        self.ports = replace(bare, repairs=self.missing)
        note = ScrubFile(config.data)
        self.scrub = Scrub(self.ports, note.load, note.save)
        inbound.attach(Service(self.ports, self.missing, self.scrub), self.consensus)
        self.vault = Vault(identity.cluster_key)
        self._members_changed = trio.Event()
        self._has_caught_up = False
        self.consensus.subscribe(self._on_applied)
        self.consensus.on_replaced(self._on_replaced)
        self._set_members()

    async def run(self, on_ready: Ready | None) -> None:
        """Serve until `stop` is set, then answer what is in flight, hand over leadership, and end."""
        async with trio.open_nursery() as drivers:
            await drivers.start(self.scrub.run)  # it has read its note before a peer can ask for it
            await drivers.start(self.network.run)
            await drivers.start(self.consensus.run)
            drivers.start_soon(self.missing.run)
            drivers.start_soon(self.blobs.maintain)
            drivers.start_soon(watch_room, self.ports)
            drivers.start_soon(Membership(self.ports, self.missing).run)
            drivers.start_soon(Reaping(self.ports).run)
            drivers.start_soon(Comparison(self.ports).run)
            drivers.start_soon(Epochs(self.ports).run)
            drivers.start_soon(Collector(self.ports, self.missing).run)
            drivers.start_soon(self._keep_seeds)
            await self._serve(drivers, on_ready)
            await self.consensus.hand_over()
            drivers.cancel_scope.cancel()

    async def _serve(self, drivers: trio.Nursery, on_ready: Ready | None) -> None:
        async with trio.open_nursery() as front:
            bound = await front.start(self._front)
            with announced(self.config.data, self.config.name, founding.addresses_of(self.config)):
                drivers.start_soon(self._begin, bound, on_ready)
                await self.stop.wait()

    async def _front(self, *, task_status: trio.TaskStatus[Bound]) -> None:
        config = self.config
        services = Services(
            self.ports,
            BufferBudget(buffers=self.buffers),
            self.vault,
            config.region,
            self.identity.node,
            domains=config.domains,
        )
        health = Verdicts(self.ports, self.missing, self.scrub, self.stop).health()
        await serve_front(
            s3_app(partial(dispatch, services), health, config.admin_bind.port, config.domains),
            str(config.s3_bind),
            admin_app(self._admin_calls(), admin_token(self.identity.cluster_key), health),
            str(config.admin_bind),
            shutdown=self.stop,
            certificate=await _certificate_of(config),
            task_status=task_status,
        )

    async def _begin(self, bound: Bound, on_ready: Ready | None) -> None:
        """Found the cluster or find it again; then say that this node is ready."""
        if founding.is_founder(self.identity):
            await self._found()
        await self._catch_up()
        self._has_caught_up = True
        self.network.forget_seeds()
        self._members_changed.set()
        if self.config.bucket is not None and self.config.access_key is not None:
            await ensure_bucket(self.ports, parse_bucket_name(self.config.bucket), AccessKey(self.config.access_key))
        await announce(self.ports, founding.description_of(self.config, self.identity))
        for difference in settings_that_differ(self.ports, founding.settings_of(self.config)):
            log.warning("a setting of the cluster differs from this node's configuration", setting=difference)
        log.info("ready", node=self.identity.node, s3=bound.s3, admin=bound.admin)
        if on_ready is not None:
            on_ready(RunningNode(self.config.name, self.identity.node, bound))

    async def _found(self) -> None:
        plan = await trio.to_thread.run_sync(founding.first_start_of, self.config, self.identity)
        await first_start(self.ports, self.vault, plan)
        if is_other_root_key(self.ports, self.vault, plan):
            log.warning("the configured root key differs from the cluster's, which stays in force", key=plan.access_key)

    async def _catch_up(self) -> None:
        """Wait until this node has applied what the cluster had acknowledged, and so knows keys and layout."""
        while True:
            try:
                await self.ports.registry.barrier()
                if queries.layout(self.ports.registry.view()) is not None:
                    return
            except Unavailable:
                log.info("waiting for a majority of the voters")
            await trio.sleep(limits.membership_tick_seconds)  # a barrier without a majority fails at once

    def _admin_calls(self) -> AdminCalls:
        calls = partial(believing, self.consensus)
        actions = {name: replace(action, do=calls(action.do)) for name, action in self._actions().items()}
        return AdminCalls(calls(self._status), calls(self._token), actions)

    async def _status(self) -> object:
        return await cluster_status(self.ports, self.missing, self.scrub)

    def _actions(self) -> dict[str, Action]:
        return {
            "settings": Action(SettingsAsked, partial(change_settings, self.ports)),
            "doctor": Action(Examine, lambda _: examine(self.ports, self.missing)),
            "scrub": Action(ScrubAsked, partial(scrub_nodes, self.ports, self.scrub)),
            "user-create": Action(NewUserAsked, partial(create_user, self.ports)),
            "user-list": Action(UsersAsked, partial(list_users, self.ports)),
            "user-delete": Action(UserAsked, partial(delete_user, self.ports)),
            "key-create": Action(UserAsked, partial(create_key, self.ports, self.vault)),
            "key-delete": Action(KeyAsked, partial(delete_key, self.ports)),
            "remove": Action(RemovalAsked, partial(remove_member, self.ports)),
        }

    async def _token(self) -> object:
        secret, expires_at = await create_token(self.ports)
        address = founding.addresses_of(self.config).peers
        return {"token": token_for(self.identity, secret, address).text(), "expires_at": expires_at}

    def _on_applied(self, entries: Sequence[AppliedEntry]) -> None:
        if any(
            isinstance(entry.command, InitialiseCluster | JoinMember | UpdateMember | RemoveMember) for entry in entries
        ):
            self._set_members()
            self._members_changed.set()

    def _on_replaced(self) -> None:
        self._set_members()
        self._members_changed.set()

    def _set_members(self) -> None:
        """Tell both who belongs to the cluster: the rows, or before there are any, what the join told us."""
        members = queries.members(self.ports.registry.view())
        if members:
            self.network.set_members(members)
            self.consensus.set_members([member.id for member in members])
        else:
            self.consensus.set_members(list(self.identity.seeds))

    async def _keep_seeds(self) -> None:
        """Remember on disk where the members are, so that this node finds them when its registry is gone.

        While the log is replayed the rows do not know everybody yet: until it has caught up, seeds are only added.
        """
        while True:
            await self._members_changed.wait()
            self._members_changed = trio.Event()
            members = queries.members(self.ports.registry.view())
            seeds = {member.id: member.addresses.peers for member in members}
            if not self._has_caught_up:
                seeds = {**self.identity.seeds, **seeds}
            self.identity = await trio.to_thread.run_sync(self.identity.with_seeds, seeds)
