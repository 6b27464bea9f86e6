"""Clients that are programs: typed as a user types them."""

import os
import re
from pathlib import Path

from tests.clients.cache import debian, python_with
from tests.clients.place import Place
from tests.clients.steps import Step, Typed

LARGE_BYTES = 12 << 20


def _tree(folder: Path) -> Path:
    """A folder of a few files, one of them in parts."""
    tree = folder / "tree"
    (tree / "deep er").mkdir(parents=True)
    for number in range(5):
        (tree / "deep er" / f"file {number} é.txt").write_text(f"content {number}")
    (tree / "large").write_bytes(os.urandom(LARGE_BYTES))
    return tree


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def aws(place: Place) -> tuple[str, list[Step]]:
    python = python_with("awscli==1.46.3")
    tree, back, url = _tree(place.folder), place.folder / "back", f"s3://{place.bucket}"
    typed = Typed(place, python.with_name("aws"))
    version = typed.run("--version").split()[0].removeprefix("aws-cli/")

    def download() -> None:
        typed.run("s3", "sync", f"{url}/tree", str(back))
        assert _contents(back) == _contents(tree)

    def link() -> None:
        found = typed.run("s3", "presign", f"{url}/tree/deep er/file 0 é.txt").strip()
        assert found.startswith(place.endpoint)

    typed.step("mb", lambda: typed.run("s3", "mb", url))
    typed.step("sync up", lambda: typed.run("s3", "sync", str(tree), f"{url}/tree"))
    typed.step("sync down", download)
    typed.step("ls", lambda: typed.run("s3", "ls", "--recursive", url))
    typed.step("cp within", lambda: typed.run("s3", "cp", f"{url}/tree/large", f"{url}/copy"))
    typed.step("mv", lambda: typed.run("s3", "mv", f"{url}/copy", f"{url}/moved"))
    typed.step("cp from stdin", lambda: typed.run("s3", "cp", "-", f"{url}/stdin", text="hello"))
    typed.step("presign", link)
    typed.step("rb --force", lambda: typed.run("s3", "rb", "--force", url))
    return version, typed.steps


def rclone(place: Place) -> tuple[str, list[Step]]:
    program = debian("rclone")
    tree, back = _tree(place.folder), place.folder / "back"
    settings = {
        "RCLONE_CONFIG": str(place.folder / "rclone.conf"),
        "RCLONE_CONFIG_M_TYPE": "s3",
        "RCLONE_CONFIG_M_PROVIDER": "Other",
        "RCLONE_CONFIG_M_ENDPOINT": place.endpoint,
        "RCLONE_CONFIG_M_ACCESS_KEY_ID": place.access_key,
        "RCLONE_CONFIG_M_SECRET_ACCESS_KEY": place.secret_key,
        "RCLONE_S3_CHUNK_SIZE": "5M",
        "RCLONE_S3_UPLOAD_CUTOFF": "6M",
        "RCLONE_RETRIES": "1",
        "AWS_CA_BUNDLE": "",  # 1.60 fails when it is set, whatever it says
    }
    (place.folder / "rclone.conf").touch()
    if place.trusted is not None:
        settings["RCLONE_CA_CERT"] = str(place.trusted)
    typed = Typed(place, program, **settings)
    version = typed.run("version").split()[1].removeprefix("v")
    remote = f"m:{place.bucket}"

    def download() -> None:
        typed.run("copy", remote, str(back))
        assert _contents(back) == _contents(tree)

    typed.step("mkdir", lambda: typed.run("mkdir", remote))
    typed.step("sync up", lambda: typed.run("sync", str(tree), remote))
    typed.step("check", lambda: typed.run("check", str(tree), remote))
    typed.step("copy down", download)
    typed.step("lsjson", lambda: typed.run("lsjson", "-R", remote))
    typed.step("copyto within", lambda: typed.run("copyto", f"{remote}/large", f"{remote}/copy"))
    typed.step("moveto", lambda: typed.run("moveto", f"{remote}/copy", f"{remote}/moved"))
    typed.step("rcat", lambda: typed.run("rcat", f"{remote}/stdin", text="hello"))
    typed.step("cleanup of uploads", lambda: typed.run("cleanup", remote))
    typed.step("purge", lambda: typed.run("purge", remote))
    return version, typed.steps


def restic(place: Place) -> tuple[str, list[Step]]:
    program = debian("restic")
    tree, back = _tree(place.folder), place.folder / "back"
    settings = {"RESTIC_REPOSITORY": f"s3:{place.endpoint}/{place.bucket}/backup", "RESTIC_PASSWORD": "secret"}
    settings["RESTIC_CACHE_DIR"] = str(place.folder / "cache")
    extra = () if place.trusted is None else ("--cacert", str(place.trusted))
    typed = Typed(place, program, **settings)
    version = typed.run("version").split()[1]

    def restore() -> None:
        typed.run(*extra, "restore", "latest", "--target", str(back))
        assert _contents(back / str(tree).lstrip("/")) == _contents(tree)

    typed.step("init", lambda: typed.run(*extra, "init"))
    typed.step("backup", lambda: typed.run(*extra, "backup", str(tree)))
    (tree / "large").write_bytes(os.urandom(LARGE_BYTES))
    typed.step("backup again", lambda: typed.run(*extra, "backup", str(tree)))
    typed.step("snapshots", lambda: typed.run(*extra, "snapshots"))
    typed.step("restore", restore)
    typed.step("forget and prune", lambda: typed.run(*extra, "forget", "--keep-last", "1", "--prune"))
    typed.step("check of all data", lambda: typed.run(*extra, "check", "--read-data"))
    return version, typed.steps


def s3cmd(place: Place) -> tuple[str, list[Step]]:
    python = python_with("s3cmd==2.4.0")
    tree, back, url = _tree(place.folder), place.folder / "back", f"s3://{place.bucket}"
    lines = [
        "[default]",
        f"access_key = {place.access_key}",
        f"secret_key = {place.secret_key}",
        f"host_base = {place.host}",
        f"host_bucket = {place.host}",
        f"use_https = {place.trusted is not None}",
        "multipart_chunk_size_mb = 5",
    ]
    if place.trusted is not None:
        lines.append(f"ca_certs_file = {place.trusted}")
    (place.folder / "s3cfg").write_text("\n".join(lines) + "\n")
    typed = Typed(place, python.with_name("s3cmd"))

    def run(*words: str) -> str:
        return typed.run("-c", str(place.folder / "s3cfg"), *words)

    def download() -> None:
        back.mkdir()
        run("sync", f"{url}/tree/", f"{back}/")
        assert _contents(back) == _contents(tree)

    version = run("--version").split()[-1]
    typed.step("mb", lambda: run("mb", url))
    typed.step("sync up", lambda: run("sync", f"{tree}/", f"{url}/tree/"))
    typed.step("sync down", download)
    typed.step("ls", lambda: run("ls", "-r", url))
    typed.step("info", lambda: run("info", f"{url}/tree/large"))
    typed.step("cp", lambda: run("cp", f"{url}/tree/large", f"{url}/copy"))
    typed.step("mv", lambda: run("mv", f"{url}/copy", f"{url}/moved"))
    typed.step("signurl", lambda: _is_link(run("signurl", f"{url}/moved", "+60")))
    typed.step("del", lambda: run("del", "-r", "--force", url))
    typed.step("rb", lambda: run("rb", url))
    return version, typed.steps


def _is_link(text: str) -> None:
    assert re.match(r"https?://", text.strip()), text
