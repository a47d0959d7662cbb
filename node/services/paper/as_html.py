"""A page as one HTML file that needs nothing else: no script, no picture, no other host.

Rules: every text goes through one escaping function; the file forbids its own scripts and foreign
content by a policy of its own, and its only style is named in it by hash. It reads on a screen, on
A4, and on the 80 mm paper of a stall's printer.
"""

from collections.abc import Iterator
from functools import partial
from html import escape

from node.services.paper.page import Codes, Note, Page, Row, Rows, Table, qr_modules
from node.services.paper.style import POLICY, STYLE

_text = partial(escape, quote=True)


def render(page: Page) -> bytes:
    """The file, UTF-8."""
    return "\n".join(_lines(page)).encode()


def _lines(page: Page) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield f'<html lang="{page.language}"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{_text(page.title)}</title>"
    yield f"<style>{STYLE}</style></head><body>"
    yield f"<h1>{_text(page.title)}</h1>"
    yield f'<p class="lead">{_text(page.lead)}</p>'
    for block in page.blocks:
        match block:
            case Rows(rows):
                yield f"<dl>{''.join(map(_row, rows))}</dl>"
            case Note(text, strong):
                yield f'<p class="strong">{_text(text)}</p>' if strong else f"<p>{_text(text)}</p>"
            case Table():
                yield from _table(block)
            case Codes(title, codes):
                yield f'<h2>{_text(title)}</h2><div class="codes">'
                yield from (_figure(content, below) for content, below in codes)
                yield "</div>"
    yield "</body></html>\n"


def _row(row: Row) -> str:
    kind = ' class="number"' if row.number else ""
    return f"<dt>{_text(row.label)}</dt><dd{kind}><bdi>{_text(row.value)}</bdi></dd>"


def _table(table: Table) -> Iterator[str]:
    heads = "".join(f"<th>{_text(column)}</th>" for column in table.columns)
    yield f"<h2>{_text(table.title)}</h2><table><thead><tr>{heads}</tr></thead><tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td><bdi>{_text(cell)}</bdi></td>' for cell in row)}</tr>"
    yield "</tbody></table>"


def _figure(content: str, below: str) -> str:
    side, runs = qr_modules(content)
    path = "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in runs)
    return (
        f'<figure><svg viewBox="0 0 {side} {side}" role="img" aria-label="{_text(below)}"'
        f' shape-rendering="crispEdges"><path d="{path}"/></svg>'
        f"<figcaption>{_text(below)}</figcaption></figure>"
    )
