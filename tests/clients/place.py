"""What a client is told: where the cluster is, who it is, and where it may write."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """One cluster as a client sees it."""

    endpoint: str
    access_key: str
    secret_key: str
    trusted: Path | None  # the certificate to trust; None: plain HTTP
    bucket: str  # does not exist yet: it is the client's own
    folder: Path  # empty, for files of the client

    @property
    def scheme(self) -> str:
        return "http" if self.trusted is None else "https"

    @property
    def host(self) -> str:
        return self.endpoint.split("://")[1]

    def environment(self) -> dict[str, str]:
        """Surroundings in which nothing but this place configures a client."""
        kept = ("PATH", "LANG", "LC_ALL", "TMPDIR")
        told = {name: os.environ[name] for name in kept if name in os.environ} | {
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CLIENT_ENDPOINT": self.endpoint,
            "CLIENT_BUCKET": self.bucket,
            "CLIENT_FOLDER": str(self.folder),
            "CLIENT_TRUSTED": "" if self.trusted is None else str(self.trusted),
        }
        if self.trusted is not None:
            names = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
            told |= dict.fromkeys(names, str(self.trusted))
        return told
