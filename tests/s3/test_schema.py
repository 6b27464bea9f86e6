"""XML documents as records."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from mys3d.errors import S3Error
from mys3d.s3 import schema, xml
from mys3d.s3.schema import Element


@dataclass(frozen=True, slots=True)
class Entry:
    key: Annotated[str, Element("Key")]
    size: Annotated[int | None, Element("Size")] = None


@dataclass(frozen=True, slots=True)
class Order:
    entries: Annotated[tuple[Entry, ...], Element("Entry")]
    quiet: Annotated[bool, Element("Quiet")] = False
    note: Annotated[Entry | None, Element("Note")] = None


def read(document: str) -> Order:
    return schema.read(Order, xml.parse(f"<Order>{document}</Order>".encode(), "Order"))


def test_elements_become_fields() -> None:
    document = (
        "<Entry><Key>a</Key><Size> 5 </Size></Entry><Quiet>TRUE</Quiet><Entry><Key/></Entry><Note><Key>n</Key></Note>"
    )
    assert read(document) == Order((Entry("a", 5), Entry("")), True, Entry("n"))


def test_white_space_between_elements_means_nothing() -> None:
    assert read("\n  <Entry>\n\t<Key> a </Key>\r\n</Entry>\n") == Order((Entry(" a "),))


def test_an_attribute_of_a_leaf_means_nothing() -> None:
    assert read('<Entry><Key xml:lang="en">a</Key></Entry>') == Order((Entry("a"),))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "text",
        "<Entry/>",
        "<Entry>a</Entry>",
        "<Entry><Key>a</Key>text</Entry>",
        "<Entry><Key>a</Key><Key>b</Key></Entry>",
        "<Entry><Key>a</Key><Other/></Entry>",
        "<Entry><Key><Deep/></Key></Entry>",
        "<Entry><Key>a</Key><Size>-1</Size></Entry>",
        "<Entry><Key>a</Key><Size>1e3</Size></Entry>",
        "<Entry><Key>a</Key><Size>99999999999999999999</Size></Entry>",
        "<Entry><Key>a</Key></Entry><Quiet>maybe</Quiet>",
        "<Entry><Key>a</Key></Entry><Quiet/>",
        "<Entry><Key>a</Key></Entry><Unknown>1</Unknown>",
        "<Note><Key>a</Key></Note>",
    ],
)
def test_what_the_record_does_not_expect_is_malformed(document: str) -> None:
    with pytest.raises(S3Error) as refused:
        read(document)
    assert refused.value.code == "MalformedXML"


def test_a_record_tells_its_elements() -> None:
    assert schema.elements(Order) == {"Entry": Entry, "Quiet": bool, "Note": Entry}
