"""From text to one record, or to all of its problems.        Floor: config (pure). Called by: cli.

Law: every value is read before anything is refused, so an operator mends a configuration once, not once per mistake.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mys3d import limits
from mys3d.config.record import Address, BlobsFolder, ConfigurationInvalid, NodeConfig, Problem
from mys3d.config.settings import SETTINGS, Setting, is_placeholder
from mys3d.config.sources import Sources
from mys3d.config.toml_text import TomlText, read_toml
from mys3d.config.variables import read_variables

_WILDCARDS: Final = ("0.0.0.0", "::")
_PORT: Final = 9000


@dataclass(slots=True)
class _Found:
    """What has been read so far. `values` holds only settings that were set and are valid."""

    values: dict[str, Any] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    placeholders: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load_config(
    flags: Mapping[str, object],
    sources: Sources,
    parse_bucket: Callable[[str], object] = str,
) -> NodeConfig:
    """Return the configuration of a node. Raises ConfigurationInvalid with every problem.

    `flags` maps setting names to values; None: not given. `parse_bucket` raises ValueError on a bad bucket name: the
    rules of S3 names live on a floor above this one.
    """
    toml = read_toml(sources.toml_name, sources.toml)
    found = _Found(problems=[*sources.problems, *toml.problems])
    variables = read_variables(sources.environ, sources.dotenv)
    found.problems += variables.problems
    found.notes += variables.notes
    for setting in SETTINGS:
        _take(setting, flags, variables.found, toml, found)
    _check_bucket(found, parse_bucket)
    _check_keys(found)
    _check_ports(found)
    _check_certificate(found)
    _name_placeholders(found)
    config = _record(found, sources) if not found.problems else None
    if config is None or found.problems:
        raise ConfigurationInvalid(tuple(sorted(found.problems, key=_place)))
    return config


def _place(problem: Problem) -> tuple[str, int, int]:
    """Problems of one file stand together and in the order of its lines; sorting is stable for all others."""
    file, *numbers = problem.where.split(" ")[0].split(":")
    if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
        return file, int(numbers[0]), int(numbers[1])
    return "~", 0, 0


def _take(
    setting: Setting, flags: Mapping[str, object], texts: dict[str, tuple[str, str]], toml: TomlText, found: _Found
) -> None:
    """Read one setting from the first source that has it."""
    if flags.get(setting.name) is not None:
        _read(setting, str(flags[setting.name]), setting.flag, found)
        return
    for name in (setting.variable, setting.ancestor):
        value, where = texts.get(name, ("", ""))
        if value:
            _read(setting, value, where, found)
            return
    if setting.path in toml.found:
        _read_toml_value(setting, toml, found)


def _read(setting: Setting, text: str, where: str, found: _Found) -> None:
    if is_placeholder(text):
        found.broken.add(setting.name)
        found.placeholders.append(f"{where}={text}")
        return
    try:
        found.values[setting.name] = setting.read(text, False)
    except ValueError:
        found.broken.add(setting.name)
        found.problems.append(Problem(where, f"{_subject(setting)} must be {setting.expected}, {_seen(setting, text)}"))


def _read_toml_value(setting: Setting, toml: TomlText, found: _Found) -> None:
    value = toml.found[setting.path]
    if isinstance(value, str) and is_placeholder(value):
        found.broken.add(setting.name)
        found.placeholders.append(f"{toml.problem_at(setting.path, '').where} {setting.path}={value}")
        return
    try:
        found.values[setting.name] = setting.read(value, True)
    except ValueError:
        found.broken.add(setting.name)
        message = f"{setting.path} must be {setting.expected}, {_seen(setting, value)}"
        found.problems.append(toml.problem_at(setting.path, message))


def _subject(setting: Setting) -> str:
    return setting.name.replace("_", " ")


def _seen(setting: Setting, value: object) -> str:
    if setting.is_secret:
        return f"found {len(str(value))} characters"
    return f'found "{value}"' if isinstance(value, str) else f"found {value}"


def _check_bucket(found: _Found, parse_bucket: Callable[[str], object]) -> None:
    if "bucket" in found.values:
        try:
            parse_bucket(found.values["bucket"])
        except ValueError as error:
            found.problems.append(Problem("bucket", f'"{found.values["bucket"]}": {error}'))


def _check_keys(found: _Found) -> None:
    given = [name for name in ("access_key", "secret_key") if name in found.values or name in found.broken]
    if len(given) == 1:
        missing = "secret key" if given == ["access_key"] else "access key"
        found.problems.append(
            Problem(given[0].replace("_", " "), f"is set without its {missing}: set both, or neither")
        )


def _check_ports(found: _Found) -> None:
    if found.broken & {"port", "admin_port", "peers_port"}:
        return
    port = found.values.get("port", _PORT)
    ports = [port, found.values.get("admin_port", port + 1), found.values.get("peers_port", port + 2)]
    if len(set(ports)) < len(ports):
        message = "s3, admin and peers need three different ports, found {}, {} and {}".format(*ports)
        found.problems.append(Problem("ports", message))


def _check_certificate(found: _Found) -> None:
    given = [name for name in ("certificate", "certificate_key") if name in found.values or name in found.broken]
    if len(given) == 1:
        missing = "key" if given == ["certificate"] else "certificate"
        message = f"is set without its {missing}: set both, or neither"
        found.problems.append(Problem(given[0].replace("_", " "), message))


def _name_placeholders(found: _Found) -> None:
    if found.placeholders:
        listed = ", ".join(found.placeholders)
        message = "these are placeholders: put your own values, or remove them (keys are generated then)"
        found.problems.append(Problem(listed, message))


def _record(found: _Found, sources: Sources) -> NodeConfig:
    values = found.values
    port = _default(found, "port", _PORT)
    bind = values.get("bind", "0.0.0.0")
    advertise = _default(found, "advertise", sources.host_address if bind in _WILDCARDS else bind)
    data = sources.directory / _default(found, "data", Path("mys3d-data"))
    s3_bind = Address(bind, port)
    admin_bind = Address(values.get("admin_bind", bind), values.get("admin_port", port + 1))
    peers_bind = Address(bind, values.get("peers_port", port + 2))
    scheme = "https" if "certificate" in values else "http"
    _note_absent_keys(found)
    return NodeConfig(
        data=data,
        registry_path=sources.directory / _default(found, "registry", data / "registry"),
        blobs=_blobs(found, sources, data),
        s3_bind=s3_bind,
        admin_bind=admin_bind,
        peers_bind=peers_bind,
        advertise_host=advertise,
        endpoint=_default(found, "endpoint", f"{scheme}://{Address(advertise, port)}"),
        name=_default(found, "name", _host_label(sources.host_name)),
        zone=_default(found, "zone", "default"),
        capacity_bytes=values.get("capacity"),
        region=_default(found, "region", "us-east-1"),
        access_key=values.get("access_key"),
        secret_key=values.get("secret_key"),
        bucket=values.get("bucket"),
        log_level=values.get("log_level", "info"),
        write_quorum=values.get("write_quorum"),
        straggler_ms=values.get("straggler_ms"),
        gc_period_ms=values.get("gc_period_ms"),
        dead_after_ms=values.get("dead_after_ms"),
        domains=values.get("domain", ()),
        certificate=_certificate(found, sources),
        log_keep_entries=values.get("log_keep_entries", limits.log_keep_entries),
        peers_bulk=values.get("peers_bulk", "tls"),
        notes=tuple(found.notes),
    )


def _blobs(found: _Found, sources: Sources, data: Path) -> tuple[BlobsFolder, ...]:
    """The configured directories, or the one within the data directory."""
    given = found.values.get("blobs", ((data / "blobs", None),))
    return tuple(BlobsFolder(sources.directory / path, capacity) for path, capacity in given)


def _certificate(found: _Found, sources: Sources) -> tuple[Path, Path] | None:
    if "certificate" not in found.values:
        return None
    return sources.directory / found.values["certificate"], sources.directory / found.values["certificate_key"]


def _note_absent_keys(found: _Found) -> None:
    if "access_key" not in found.values:
        found.notes.append("S3_ACCESSKEY and S3_SECRETKEY are not set, they are generated at the first start")
    if "bucket" not in found.values:
        found.notes.append("S3_BUCKET is not set, no bucket is created at start")


def _default(found: _Found, name: str, value: Any) -> Any:
    """The value that was set; otherwise `value`, and a note that says so and how to set it."""
    if name in found.values:
        return found.values[name]
    setting = next(setting for setting in SETTINGS if setting.name == name)
    found.notes.append(f"{setting.ancestor or setting.variable} is not set, {_subject(setting)} is {value}")
    return value


def _host_label(host_name: str) -> str:
    label = host_name.split(".")[0][:63]
    return label if label and label[0].isalnum() else "node"
