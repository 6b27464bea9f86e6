"""XML in and out, and the attacks on its reader."""

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.s3 import xml

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
# Any text that XML 1.0 can hold: what it cannot hold has tests of its own.
TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(xml.is_holdable)


def refusal(document: bytes, root: str = "Delete") -> str:
    with pytest.raises(S3Error) as refused:
        xml.parse(document, root)
    return refused.value.code


def test_every_byte_of_leaf_text_is_kept() -> None:
    assert xml.parse(b"<Delete><Object><Key> k\t\n </Key></Object></Delete>", "Delete") == {
        "Object": {"Key": " k\t\n "}
    }


@pytest.mark.parametrize(
    "document",
    [
        f"<Delete {NAMESPACE}><Quiet>true</Quiet></Delete>",
        f'<?xml version="1.0" encoding="UTF-8"?><Delete {NAMESPACE}><Quiet>true</Quiet></Delete>',
        '<d:Delete xmlns:d="http://s3.amazonaws.com/doc/2006-03-01/"><d:Quiet>true</d:Quiet></d:Delete>',
        "\ufeff<Delete><Quiet>true</Quiet></Delete>",
        "<Delete><!-- said --><Quiet><![CDATA[true]]></Quiet></Delete>",
    ],
)
def test_a_document_reads_alike_with_and_without_the_namespace(document: str) -> None:
    assert xml.parse(document.encode(), "Delete")["Quiet"] == "true"


def test_the_type_of_a_grantee_keeps_its_prefix() -> None:
    document = b'<A xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><G xsi:type="CanonicalUser"/></A>'
    assert xml.parse(document, "A")["G"] == {"@xsi:type": "CanonicalUser"}


def test_a_document_of_another_namespace_is_malformed() -> None:
    assert refusal(b'<Delete xmlns="http://example.org/"><Quiet>true</Quiet></Delete>') == "MalformedXML"


BOMB = (
    b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    b"<Delete>&c;</Delete>"
)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<Delete>",
        b"<Delete></Other>",
        b"<Other/>",
        b"text",
        b"\xff\xfe<\x00D\x00",
        b"<Delete>\xff</Delete>",
        b"<Delete>\x01</Delete>",
        b"<Delete>&#1;</Delete>",
        b"<Delete>&undefined;</Delete>",
        b"<Delete/><Delete/>",
        b"<!DOCTYPE Delete><Delete/>",
        b'<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>',
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete>&x;</Delete>',
        b'<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><Delete/>',
        BOMB,
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d><Delete/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE d>',
        b"<Delete" + b' a="1"' * 2 + b"/>",
    ],
)
def test_what_is_no_plain_document_is_refused(document: bytes) -> None:
    assert refusal(document) == "MalformedXML"


def test_depth_is_bounded() -> None:
    fits = limits.xml_depth_max - 1
    xml.parse(b"<Delete>" + b"<a>" * fits + b"</a>" * fits + b"</Delete>", "Delete")
    assert refusal(b"<Delete>" + b"<a>" * (fits + 1) + b"</a>" * (fits + 1) + b"</Delete>") == "MalformedXML"
    assert refusal(b"<Delete>" + b"<a>" * 200_000) == "MalformedXML"


def test_the_number_of_elements_is_bounded() -> None:
    xml.parse(b"<Delete>" + b"<a/>" * (limits.xml_elements_max - 1) + b"</Delete>", "Delete")
    assert refusal(b"<Delete>" + b"<a/>" * limits.xml_elements_max + b"</Delete>") == "MalformedXML"


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_both_writers_read_alike(rows: list[tuple[str, str]]) -> None:
    by_library = xml.write("List", {"Row": [{"Key": key, "Size": size} for key, size in rows]})
    straight = xml.write_list("List", {}, [xml.row("Row", (("Key", key), ("Size", size))) for key, size in rows])
    read = [xmltodict.parse(document, strip_whitespace=False)["List"]["Row"] for document in (by_library, straight)]
    assert read[0] == read[1]
    found = read[0] if isinstance(read[0], list) else [read[0]]
    assert [(row["Key"] or "", row["Size"] or "") for row in found] == rows


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_both_writers_escape_alike_what_xml_cannot_hold(text: str) -> None:
    library = xml.write("List", {"Row": {"Key": text}})
    straight = xml.write_list("List", {}, [xml.row("Row", (("Key", text),))])
    assert library.replace(b"<Key/>", b"<Key></Key>") == straight


def test_a_carriage_return_comes_back() -> None:
    assert b"a&#xd;b" in xml.write("List", {"Key": "a\rb"})
    assert xml.parse(xml.write("List", {"Key": "a\rb"}), "List")["Key"] == "a\rb"


def test_a_control_character_becomes_a_reference() -> None:
    assert xml.row("Row", (("Key", "a\x01b"),)) == "<Row><Key>a&#x1;b</Key></Row>"
    assert not xml.is_holdable("a\x01b")
    assert xml.is_holdable("a\r\n\tb")


def test_markup_in_text_stays_text() -> None:
    tree = {"Key": "</Key><Evil>&\"'"}
    assert xml.parse(xml.write("List", tree), "List")["Key"] == tree["Key"]
    assert xml.parse(xml.write_list("List", {}, [xml.row("R", tree.items())]), "List")["R"] == tree
