"""The one style of pages to print as HTML, and the policy that allows it and nothing else."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

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
