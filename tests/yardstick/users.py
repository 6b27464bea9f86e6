"""The six users that ceph/s3-tests speaks as, and the file that tells it of them.        Floor: tests.

Law: ids and keys are what the cluster's admin API answered; only names and addresses are ours.
Source: s3tests.conf.SAMPLE of ceph/s3-tests; `configure()` there raises when a section is missing.
"""

import configparser
import io
from collections.abc import Callable, Mapping
from typing import Any

SECTIONS = {
    "s3 main": ("M. Tester", "tester@example.com"),
    "s3 alt": ("john.doe", "john.doe@example.com"),
    "s3 tenant": ("tenanted user", "tenanteduser@example.com"),
    "iam": ("iam user", "s3@example.com"),
    "iam root": ("account one", "account1@example.com"),
    "iam alt root": ("account two", "account2@example.com"),
}

Ask = Callable[[str, Mapping[str, str]], Any]  # an action of the admin API, and what it is asked


def create_users(ask: Ask) -> dict[str, dict[str, str]]:
    """Create the users and a key for each. Returns the section of each."""
    found = {}
    for section, (name, email) in SECTIONS.items():
        user = ask("user-create", {"name": name, "email": email})
        key = ask("key-create", {"user": user["id"]})
        found[section] = {
            "display_name": name,
            "user_id": user["id"],
            "email": email,
            "access_key": key["access_key"],
            "secret_key": key["secret_key"],
        }
    return found


def configuration(host: str, port: int, sections: Mapping[str, Mapping[str, str]]) -> str:
    """The text of S3TEST_CONF."""
    parser = configparser.RawConfigParser()
    parser["DEFAULT"] = {"host": host, "port": str(port), "is_secure": "False", "ssl_verify": "False"}
    parser["fixtures"] = {
        "bucket prefix": "yardstick-{random}-",
        "iam name prefix": "yardstick-",
        "iam path prefix": "/yardstick/",
    }
    for name, section in sections.items():
        parser[name] = dict(section)
    told: dict[str, str] = {
        "api_name": "eu-west-1",
        "kms_keyid": "testkey-1",
        "kms_keyid2": "testkey-2",
        "lc_debug_interval": "10",
    }
    parser["s3 main"].update(told)
    parser["s3 tenant"]["tenant"] = "testx"
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()
