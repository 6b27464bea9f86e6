"""The page loads nothing and runs nothing."""

import json
import re
from html.parser import HTMLParser

from mys3d.bench import page

NASTY = '<script>alert("x")</script>&</td>'


class Reader(HTMLParser):
    """Keeps every tag and attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def whole(result: bytes = b"{}") -> str:
    sections = [
        page.facts_of({"cpu_model": NASTY, "sizes": [1, 2]}),
        page.section_of(NASTY, page.table_of([NASTY], [[NASTY, "2"]]), page.paragraph_of(NASTY, "bad")),
        page.picture_of(b"png", NASTY),
    ]
    return page.page_of(NASTY, sections, result)


def test_words_from_outside_are_words() -> None:
    scripts = [attributes for tag, attributes in Reader(whole()).tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "result"}]
    assert "alert(&quot;x&quot;)" in whole()


def test_nothing_is_loaded_from_anywhere() -> None:
    for tag, attributes in Reader(whole()).tags:
        assert tag not in ("link", "iframe", "object")
        source = attributes.get("src") or "data:"
        assert source.startswith("data:")
    assert "@import" not in whole()
    assert "url(" not in whole()


def test_the_result_can_be_read_out_of_the_page() -> None:
    result = {"name": "</script><!-- <b>"}
    found = re.search(r'id="result">(.*?)</script>', whole(json.dumps(result).encode()), re.DOTALL)
    assert found is not None
    assert json.loads(found[1]) == result
