"""A page as one HTML file that needs nothing else: no script, no picture, no other host.

Rules: every text goes through one escaping function; the file forbids its own scripts and foreign
content by a policy of its own, and its only style is named in it by hash. It reads on a screen, on
A4, and on the 80 mm paper of a stall's printer.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from html import escape
from typing import Final

from node.services.paper.page import Codes, Note, Page, Row, Rows, Table, qr_modules

STYLE: Final = """
:root { color: #1c1b19; background: #fff; font-size: 16px; line-height: 1.5;
  font-family: "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic",
  system-ui, sans-serif; }
:root:lang(zh) { font-family: "PingFang SC", "Noto Sans SC", "Noto Sans CJK SC",
  "Microsoft YaHei", system-ui, sans-serif; }
:root:lang(ko) { word-break: keep-all; }
body { max-width: 44rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.2rem; margin: 0; }
h2 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { margin: .4rem 0; }
.lead { font-size: 1.8rem; font-weight: 700; margin: .2rem 0 1rem; }
.strong { font-weight: 700; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .2rem 1rem;
  margin: .6rem 0; border-top: 1px solid #d9d2c5; padding-top: .6rem; }
dt { color: #5b5650; }
dd { margin: 0; }
.number { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .8rem;
  word-break: break-all; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th { text-align: start; color: #5b5650; font-weight: 400; }
th, td { padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #d9d2c5; vertical-align: top; }
th:last-child, td:last-child { text-align: end; padding-right: 0; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.codes { display: flex; flex-wrap: wrap; gap: .8rem; }
figure { margin: 0; width: 12.5rem; text-align: center; break-inside: avoid; }
figure svg { width: 100%; height: auto; display: block; }
thead { display: table-header-group; }
tr, dl, p { break-inside: avoid; }
@page { margin: 12mm; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; }
  figure { width: 57mm; } }
@media (max-width: 100mm) { :root { font-size: 14px; } body { padding: 0; }
  dl { display: block; } dd { margin-bottom: .3rem; }
  table, tbody, tr, td { display: block; border: 0; } thead { display: none; }
  tr { border-bottom: 1px solid #d9d2c5; padding: .2rem 0; }
  td, td:last-child { padding: 0; } figure { width: 66mm; } }
@media print and (max-width: 100mm) { @page { margin: 3mm; } }
"""
STYLE_HASH: Final = f"sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}"
POLICY: Final = f"default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'"

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
