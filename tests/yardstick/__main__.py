"""`make s3-tests S3TESTS=path`: ceph/s3-tests against three nodes, counted by area.        Floor: tests.

Law: the suite is whoever runs it's own copy and runs in an environment of its own; nothing of it is kept here.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mys3d.cli import admin_client
from tests.yardstick.cluster import cluster
from tests.yardstick.report import FAILED, kept, read_junit, record_of, table
from tests.yardstick.users import configuration, create_users

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / ".yardstick"  # ignored by git: the suite's environment and the last results

# What an S3 store can be asked for: without the extensions of Ceph and without services that need others.
_EXTENDED = (
    "not fails_on_rgw and not webidentity_test and not cloud_transition and not cloud_restore and not sns "
    "and not s3select and not (bucket_logging and fails_on_aws)"
)
_CORE = f"{_EXTENDED} and not iam_account and not iam_tenant and not test_of_sts and not auth_aws2"
_NAMES = "not tenant and not account_usage and not head_bucket_usage and not unordered and not head_extended"


# It counts all buckets of a user, while another worker makes some.
_ALONE = "test_list_buckets_paginated"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.yardstick", description=__doc__)
    parser.add_argument("suite", type=Path, help="a checkout of ceph/s3-tests")
    parser.add_argument("--subset", default="", help="further words for pytest, such as '-k multipart'")
    parser.add_argument("--extended", action="store_true", help="SigV2 headers, IAM accounts and STS as well")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OWN / "result.json", help="where the record goes")
    parser.add_argument("--revision", default="", help="of the suite, when it is a copy and no repository")
    parser.add_argument("--keep", type=Path, help="where its counts go that the repository keeps")
    chosen = parser.parse_args()
    suite = chosen.suite.resolve()
    if not (suite / "s3tests" / "functional").is_dir():
        parser.error(f"{chosen.suite} is no checkout of https://github.com/ceph/s3-tests")
    python = environment(suite)
    with tempfile.TemporaryDirectory(prefix="mys3d-yardstick-") as place:
        documents = run(suite, python, Path(place), passes_of(chosen))
    cases = [case for document in documents for case in read_junit(document)]
    record = record_of(cases, chosen.revision or revision(suite), _EXTENDED if chosen.extended else _CORE)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(record, indent=1) + "\n")
    if chosen.keep is not None:
        chosen.keep.write_text(json.dumps(kept(record), indent=1) + "\n")
    if chosen.subset:
        for name, found in record["not_passed"].items():
            print(f"{found['outcome']}  {name}  {found['reason']}")
    print(table(record))
    print(f"every test that did not pass, with its reason: {chosen.out}")
    return 1 if chosen.subset and record["total"][FAILED] else 0


def passes_of(chosen: argparse.Namespace) -> list[list[str]]:
    """What pytest is told, one time after the other. A subset with -k of its own is cut from the same names."""
    subset = shlex.split(chosen.subset)
    names = _NAMES
    if "-k" in subset:
        at = subset.index("-k")
        names = f"{_NAMES} and ({subset[at + 1]})"
        del subset[at : at + 2]
    marks = _EXTENDED if chosen.extended else _CORE
    common = ["--timeout", "60", "-m", marks, *subset]
    together = ["-n", str(chosen.workers), "-k", f"{names} and not {_ALONE}", *common]
    return [together, ["-k", f"{names} and {_ALONE}", *common]]


def environment(suite: Path) -> Path:
    """Return the Python of the suite's own environment; made when it is not there, or the requirements have changed."""
    place = OWN / "venv"
    python = place / "bin" / "python"
    wanted = (suite / "requirements.txt").read_text()
    note = place / "requirements.txt"
    if not note.exists() or note.read_text() != wanted:
        print(f"making {place}", flush=True)
        venv.create(place, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "pytest-xdist", "pytest-timeout"]
        subprocess.run([*install, "-r", str(suite / "requirements.txt")], check=True)
        note.write_text(wanted)
    return python


def run(suite: Path, python: Path, place: Path, passes: Sequence[Sequence[str]]) -> list[str]:
    """Run the suite against a new cluster, pass by pass. Returns what each wrote as JUnit XML."""
    with cluster(place) as facts:
        address = urlsplit(facts["nodes"][0]["s3"])
        sections = create_users(lambda action, asked: admin_client.ask_any(place / "data", "POST", f"/{action}", asked))
        assert address.hostname is not None and address.port is not None
        told = place / "s3tests.conf"
        told.write_text(configuration(address.hostname, address.port, sections))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "S3_"))}
        kept |= {"S3TEST_CONF": str(told), "AWS_EC2_METADATA_DISABLED": "true"}
        command = [str(python), "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
        documents = []
        for words in passes:
            found = place / f"pass-{len(documents)}.xml"
            output = ["-r", "N", "--junitxml", str(found), "s3tests/functional"]
            subprocess.run([*command, *words, *output], cwd=suite, env=kept, check=False, stdout=sys.stderr)
            if not found.exists():
                raise SystemExit("the suite did not run: see above")
            documents.append(found.read_text())
        return documents


def revision(suite: Path) -> str:
    """The commit of the suite; empty: it is no repository."""
    asked = ["git", "-C", str(suite), "rev-parse", "--verify", "--quiet", "HEAD"]
    top = subprocess.run(["git", "-C", str(suite), "rev-parse", "--show-toplevel"], capture_output=True, text=True)
    if top.returncode != 0 or Path(top.stdout.strip()).resolve() != suite:
        return ""
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
