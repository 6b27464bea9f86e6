"""One self-contained HTML page of a report.        Floor: bench (pure). Called by: report, kill_report.

Law: it loads nothing from anywhere, and every word that came from outside is escaped.
"""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, .facts td { text-align: left; }
tbody tr:nth-child(even) { background: var(--soft); }
img { max-width: 100%; background: white; border: 1px solid var(--line); }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; font-size: .8rem; }
.good { color: #107c41; font-weight: 600; } .bad { color: #c50f1f; font-weight: 600; }
"""


def page_of(title: str, sections: Sequence[str], result: bytes) -> str:
    """The whole page; sections are HTML already, `result` is the JSON that is kept in it."""
    # In a script element only "</" and "<!--" end the text; JSON may write "<" differently.
    kept = result.decode().replace("<", r"\u003c")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{html.escape(title)}</h1>",
            *sections,
            f'<script type="application/json" id="result">{kept}</script>',
            "</body></html>",
            "",
        ]
    )


def facts_of(facts: Mapping[str, object]) -> str:
    rows = [[name.replace("_", " "), _text(value)] for name, value in facts.items()]
    return '<table class="facts"><tbody>' + "".join(map(_row, rows)) + "</tbody></table>"


def table_of(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(word)}</th>" for word in heads)
    body = "".join(map(_row, rows))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def section_of(title: str, *parts: str) -> str:
    return f"<h2>{html.escape(title)}</h2>\n" + "\n".join(parts)


def paragraph_of(text: str, kind: str = "") -> str:
    mark = f' class="{html.escape(kind)}"' if kind else ""
    return f"<p{mark}>{html.escape(text)}</p>"


def picture_of(png: bytes, words: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(words)}" src="data:image/png;base64,{data}">'


def _row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
