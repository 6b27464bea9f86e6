"""Which stores `mys3d bench` measures, from what was typed.        Floor: top. Called by: bench_commands.

Law: a secret need not be typed where others can read it: ready files, data directories and the environment do as well.
Every refusal says what was expected.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mys3d.bench.sign import Keys
from mys3d.bench.target import Target, places_of, read_ready_file
from mys3d.bench.trust import SYSTEM, Trust
from mys3d.cli.busy_ports import listeners_on
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import running_nodes
from mys3d.config import read_credentials

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Givers:
    """What was given for each target by name, keys and process ids, and for all of them."""

    def __init__(
        self,
        keys: Sequence[str],
        pids: Sequence[str],
        region: str,
        environ: Mapping[str, str],
        trust: Trust = SYSTEM,
    ) -> None:
        self.trust = trust
        self._keys = dict(pair_of(text, "--keys", "NAME=ACCESS:SECRET") for text in keys)
        self._pids = dict(pair_of(text, "--pids", "NAME=PID,PID") for text in pids)
        self._region = region
        self._environ = environ

    def keys_of(self, name: str) -> Keys | None:
        """--keys, else BENCH_KEYS_NAME, else AWS's own variables."""
        variable = f"BENCH_KEYS_{name.upper().replace('-', '_')}"
        text = self._keys.get(name) or self._environ.get(variable)
        if text:
            access, colon, secret = text.partition(":")
            if not colon or not access or not secret:
                raise Failure(
                    f"keys of {name}: expected ACCESS:SECRET", "", Exit.USAGE
                )  # not shown: half of it is a secret
            return Keys(access, secret, self._region)
        access, secret = (self._environ.get(f"AWS_{word}", "") for word in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        return Keys(access, secret, self._region) if access and secret else None

    def pids_of(self, name: str) -> dict[str, int]:
        text = self._pids.get(name)
        if text is None:
            return {}
        words = text.split(",")
        if not all(word.isdigit() for word in words):
            raise Failure(f"--pids: expected {name}=PID,PID, found {name}={text}", "", Exit.USAGE)
        return {f"pid {word}": int(word) for word in words}

    def named(self) -> set[str]:
        return {*self._keys, *self._pids}


def target_of(text: str, givers: Givers, bucket: str) -> Target:
    """`NAME=http[s]://HOST:PORT,...`, `NAME=READY-FILE` or `NAME=DATA-DIRECTORY` -> a target."""
    name, place = pair_of(text, "--target", "NAME=URL, NAME=READY-FILE or NAME=DATA-DIRECTORY")
    try:
        if "://" in place:
            return _at_urls(name, place, givers, bucket)
        path = Path(place)
        if path.is_dir():
            return of_directory(name, path, bucket)
        if path.is_file():
            return read_ready_file(name, path, bucket, givers.trust)
    except ValueError as error:
        raise Failure(f"target {name}: {error}", "", Exit.USAGE) from error
    message = (
        f"target {name}: expected http://HOST:PORT, https://HOST:PORT, a ready file or a data directory, found {place}"
    )
    raise Failure(message, "", Exit.USAGE)


def of_directory(name: str, data: Path, bucket: str) -> Target:
    """The running nodes of `mys3d dev`, or of one node of this machine."""
    nodes = running_nodes(data)
    try:
        credentials = read_credentials(data / "credentials")
    except ValueError as error:
        raise Failure(str(error)) from error
    if credentials is None:
        hint = "name its address instead: --target NAME=http://HOST:PORT, with --keys"
        raise Failure(f"{data / 'credentials'} does not exist", hint, Exit.NOT_FOUND)
    keys = Keys(credentials.access_key, credentials.secret_key, credentials.region)
    return Target(name, tuple(node.s3 for node in nodes), keys, bucket, {node.name: node.pid for node in nodes})


def pair_of(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise Failure(f"{option}: expected {form}, found {text.partition(':')[0]}", "", Exit.USAGE)
    return name, value


def refuse_twins(targets: Sequence[Target], givers: Givers) -> None:
    """Refuse two targets of one name, and what was given for none."""
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise Failure(f"two targets are called {name}", "names tell them apart in the report", Exit.USAGE)
    for name in sorted(givers.named() - set(names)):
        raise Failure(f"there is no target {name}", f"targets: {', '.join(names)}", Exit.USAGE)
    if givers.trust != SYSTEM and all(target.tls is None for target in targets):
        raise Failure("--ca and --insecure are for targets at https://, and there is none", "", Exit.USAGE)


def trust_of(ca: Path | None, insecure: bool) -> Trust:
    """Whose certificates are believed, as --ca and --insecure say."""
    if ca is not None and insecure:
        raise Failure("--ca and --insecure exclude each other", "", Exit.USAGE)
    trust = Trust(ca, not insecure)
    try:
        trust.context()
    except ValueError as error:
        raise Failure(f"--ca: {error}", "", Exit.USAGE) from error
    return trust


def _at_urls(name: str, place: str, givers: Givers, bucket: str) -> Target:
    endpoints, tls = places_of(place.split(","), givers.trust)
    keys = givers.keys_of(name)
    if keys is None:
        variables = f"BENCH_KEYS_{name.upper().replace('-', '_')}=ACCESS:SECRET, or AWS_ACCESS_KEY_ID and its secret"
        raise Failure(f"target {name} has no keys", f"set {variables}, or --keys {name}=ACCESS:SECRET", Exit.USAGE)
    return Target(name, endpoints, keys, bucket, givers.pids_of(name) or found_pids(endpoints), tls)


def found_pids(endpoints: Sequence[str]) -> dict[str, int]:
    """The processes of this machine behind these endpoints."""
    here = [endpoint.rpartition(":") for endpoint in endpoints]
    pids = [pid for host, _, port in here if host in LOOPBACK for pid in listeners_on(int(port))]
    return {f"pid {pid}": pid for pid in pids}
