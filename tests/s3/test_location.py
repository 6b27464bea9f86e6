"""Where a bucket says it is."""

import pytest

from mys3d.errors import S3Error
from mys3d.s3 import location

DOCUMENTED = """
af-south-1 | ap-east-1 | ap-northeast-1 | ap-northeast-2 | ap-northeast-3 | ap-south-1 | ap-south-2 | ap-southeast-1 |
ap-southeast-2 | ap-southeast-3 | ca-central-1 | cn-north-1 | cn-northwest-1 | EU | eu-central-1 | eu-north-1 |
eu-south-1 | eu-south-2 | eu-west-1 | eu-west-2 | eu-west-3 | me-south-1 | sa-east-1 | us-east-2 | us-gov-east-1 |
us-gov-west-1 | us-west-1 | us-west-2
"""


def test_the_list_is_the_documented_one() -> None:
    assert sorted(location.CONSTRAINTS) == sorted(DOCUMENTED.replace("|", " ").split())


@pytest.mark.parametrize("constraint", ["", *sorted(location.CONSTRAINTS)])
def test_a_documented_constraint_is_accepted(constraint: str) -> None:
    location.check_constraint(constraint)


@pytest.mark.parametrize("constraint", ["us-east-1", "eu", "EU-WEST-1", "mars-north-1", " eu-west-1", "eu-west-1 "])
def test_anything_else_is_illegal(constraint: str) -> None:
    with pytest.raises(S3Error) as refused:
        location.check_constraint(constraint)
    assert refused.value.code == "IllegalLocationConstraintException"


def test_the_old_name_of_ireland_is_shown_by_its_region() -> None:
    assert location.region_of("EU") == "eu-west-1"
    assert location.region_of("eu-west-3") == "eu-west-3"
    assert location.region_of("") == "us-east-1"
