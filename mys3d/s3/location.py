"""Where a bucket says it is.        Floor: s3 (pure). Called by: operations.

Law: a LocationConstraint is one of the documented list, or absent, which means us-east-1.
Source: S3 API, CreateBucketConfiguration.
"""

from typing import Final

from mys3d.errors import S3Error

DEFAULT_REGION: Final = "us-east-1"

CONSTRAINTS: Final = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ca-central-1",
        "cn-north-1",
        "cn-northwest-1",
        "EU",
        "eu-central-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "me-south-1",
        "sa-east-1",
        "us-east-2",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-west-1",
        "us-west-2",
    }
)
LOCATION_TYPES: Final = frozenset({"AvailabilityZone", "LocalZone"})
DATA_REDUNDANCIES: Final = frozenset({"SingleAvailabilityZone", "SingleLocalZone"})
BUCKET_TYPES: Final = frozenset({"Directory"})


def check_constraint(constraint: str) -> None:
    """Raise S3Error IllegalLocationConstraintException unless `constraint` is empty or documented."""
    if constraint and constraint not in CONSTRAINTS:
        raise S3Error(
            "IllegalLocationConstraintException", f"The specified location constraint is not valid: {constraint}"
        )


def region_of(constraint: str) -> str:
    """Return the region that a bucket is shown in. `EU` is the old name of eu-west-1."""
    if not constraint:
        return DEFAULT_REGION
    return "eu-west-1" if constraint == "EU" else constraint
