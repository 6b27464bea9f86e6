"""Writes a report: JSON, a table, charts, and one page with all of it.        Floor: bench. Called by: cli.

Law: whatever is missing for charts, the figures are written.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mys3d.bench import page
from mys3d.bench.charts import chart_of, has_matplotlib
from mys3d.bench.document import Document, encode
from mys3d.bench.table import HEADS, as_markdown, cells, notes, plain

_METHOD: Final = (
    "All targets got the same load in turns within the same minutes (A B, B A, ...). An interval holds 95 % of what "
    "the slices of the run give when they are drawn anew at random. The generator is one process; what it reaches with "
    "a server that does nothing was measured before each load. One percent of the downloaded bodies were compared."
)


def write(document: Document, folder: Path) -> list[Path]:
    """Write all files into a folder, which is made; return their paths."""
    charts = _charts(document) if has_matplotlib() else {}
    files = {"result.json": encode(document), "table.md": as_markdown(document.rows).encode()}
    files |= {f"{name}.png": png for name, png in charts.items()}
    files["report.html"] = _page(document, charts).encode()
    return write_files(files, folder)


def write_files(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _operations(document: Document) -> list[str]:
    return list(dict.fromkeys(measured.row.operation for measured in document.rows))


def _charts(document: Document) -> dict[str, bytes]:
    return {
        name: chart_of(name, [measured for measured in document.rows if measured.row.operation == name])
        for name in _operations(document)
    }


def _page(document: Document, charts: Mapping[str, bytes]) -> str:
    names = [target.name for target in document.targets]
    sections = [page.facts_of({"began": document.started_at, **document.machine, **document.software})]
    targets = [
        [target.name, ", ".join(target.endpoints), target.software, ", ".join(target.servers)]
        for target in document.targets
    ]
    sections.append(page.section_of("Targets", page.table_of(("name", "at", "says it is", "processes"), targets)))
    told = [page.paragraph_of(plain(note)) for note in notes(document.rows) if note]
    rows = [[plain(cell) for cell in cells(measured)] for measured in document.rows]
    sections.append(page.section_of("All figures", page.table_of(HEADS, rows), *told))
    sections += [page.section_of(name, page.picture_of(png, f"charts of {name}")) for name, png in charts.items()]
    sections.append(page.section_of("Method", page.paragraph_of(_METHOD), page.facts_of(document.settings)))
    return page.page_of(f"mys3d bench: {', '.join(names)}", sections, encode(document))
