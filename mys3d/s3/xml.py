"""XML in, XML out: the only room that knows xmltodict.        Floor: s3 (pure). Called by: schema, errors, operations.

Law: what is read is bounded (bytes by the caller; depth and elements here) and free of DOCTYPE before a tree is
built; every byte of leaf text is kept. Repeated rows are rendered straight, because unparse costs 14 us a row, and
read alike from both writers.
Source: XML 1.0, 2.2 (characters), 2.11 (end-of-line handling: a literal carriage return would come back as LF).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from xml.parsers import expat

import xmltodict

from mys3d import limits
from mys3d.errors import S3Error

S3_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
XSI_NAMESPACE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_NAMESPACES: Final = {S3_NAMESPACE: "", XSI_NAMESPACE: "xsi"}

# What XML 1.0 cannot hold, and "\r", which a reader would turn into "\n".
_ESCAPED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\r\ud800-\udfff\ufffe\uffff]")
_SPECIAL: Final = re.compile("[&<>\x00-\x08\x0b\x0c\x0e-\x1f\r\ud800-\udfff\ufffe\uffff]")  # and markup
_UNHOLDABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Tree = Mapping[str, "Node"]
Node = str | None | Tree | list["Node"]


class _Refused(Exception):
    """The guard found something that no S3 document needs."""


class _Guard:
    """Walks a document once before a tree is built of it."""

    def __init__(self) -> None:
        self.depth = 0
        self.elements = 0

    def start(self, _name: str, _attributes: object) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > limits.xml_depth_max:
            raise _Refused(f"elements nest deeper than {limits.xml_depth_max}")
        if self.elements > limits.xml_elements_max:
            raise _Refused(f"more than {limits.xml_elements_max} elements")

    def end(self, _name: str) -> None:
        self.depth -= 1

    def doctype(self, *_found: object) -> None:
        raise _Refused("a document type declaration is not accepted")

    def check(self, text: str) -> None:
        # A fixed encoding overrides what the document says of itself, so nothing can hide in another one.
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.StartDoctypeDeclHandler = self.doctype
        parser.Parse(text.encode(), True)


def parse(document: bytes, root: str) -> Tree:
    """Return the tree below the element `root`. Raises S3Error MalformedXML.

    A leaf is its text, or None when empty; a repeated element is a list; attributes have "@" before their name.
    """
    try:
        text = document.decode("utf-8-sig")
        _Guard().check(text)
        tree = xmltodict.parse(text, process_namespaces=True, namespaces=_NAMESPACES, strip_whitespace=False)
    except (UnicodeDecodeError, expat.ExpatError, _Refused, ValueError) as error:
        raise S3Error("MalformedXML") from error
    if not isinstance(tree, dict) or list(tree) != [root]:
        raise S3Error("MalformedXML")
    below = tree[root]
    if isinstance(below, dict):
        return below
    return {} if below is None else {"#text": below}


def is_holdable(text: str) -> bool:
    """True when an XML 1.0 reader accepts `text`."""
    return _UNHOLDABLE.search(text) is None


def write(root: str, tree: Tree, *, namespace: str = S3_NAMESPACE) -> bytes:
    """Return a whole document. A None leaf is an empty element."""
    attributes = {"@xmlns": namespace} if namespace else {}
    document: str = xmltodict.unparse({root: {**attributes, **tree}}, encoding="UTF-8")
    return _escape_unholdable(document).encode()


def write_list(root: str, tree: Tree, rows: Iterable[str], *, namespace: str = S3_NAMESPACE) -> bytes:
    """Return a document whose repeated `rows` (from `row`) stand after the elements of `tree`."""
    closing = f"</{root}>".encode()
    document = write(root, tree, namespace=namespace)
    assert document.endswith(closing)
    return document[: -len(closing)] + "".join(rows).encode() + closing


def row(name: str, fields: Iterable[tuple[str, str]]) -> str:
    """Return one element with leaf children, rendered straight."""
    inside = "".join([f"<{field}>{escape(text)}</{field}>" for field, text in fields])
    return f"<{name}>{inside}</{name}>"


def escape(text: str) -> str:
    """Return `text` as it stands between tags. What XML 1.0 cannot hold becomes a numeric reference, as AWS does."""
    if _SPECIAL.search(text) is None:
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _escape_unholdable(text)


def _escape_unholdable(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"&#x{ord(found.group()):x};", text)
