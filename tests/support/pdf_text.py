"""Reads the text out of a PDF of ours, as a program that copies it would: by each font's ToUnicode.

Only what our writer writes is understood: one operator sequence for a text, codes of one byte in
cp1252 where a font has no map.
"""

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.S)
TEXT = re.compile(rb"/(\w+) ([\d.]+) Tf ([\d.]+) ([\d.]+) Td <([0-9a-f]*)> Tj")


def objects(pdf: bytes) -> dict[int, bytes]:
    """Objects by number."""
    assert pdf.startswith(b"%PDF-1.7")
    assert pdf.rstrip().endswith(b"%%EOF")
    return {int(number): content for number, content in OBJECT.findall(pdf)}


def stream(content: bytes) -> bytes:
    """The bytes of a stream, unpacked."""
    head, _, rest = content.partition(b"stream\n")
    data = rest.rpartition(b"\nendstream")[0]
    return zlib.decompress(data) if b"/FlateDecode" in head else data


def fonts(pdf: bytes) -> dict[str, dict[str, str] | None]:
    """Per font name its map from hex codes to text; None for plain Latin."""
    found = objects(pdf)
    named = next(c for c in found.values() if re.fullmatch(rb"<<(/\w+ \d+ 0 R ?)+>>", c.strip()))
    maps: dict[str, dict[str, str] | None] = {}
    for name, number in re.findall(rb"/(\w+) (\d+) 0 R", named):
        to_unicode = re.search(rb"/ToUnicode (\d+) 0 R", found[int(number)])
        maps[name.decode()] = None if to_unicode is None else _map(found[int(to_unicode[1])])
    return maps


def _map(content: bytes) -> dict[str, str]:
    pairs = re.findall(rb"^<([0-9a-f]+)><([0-9a-f]+)>$", stream(content), re.M)
    return {code.decode(): bytes.fromhex(to.decode()).decode("utf-16-be") for code, to in pairs}


def pages(pdf: bytes) -> list[list[str]]:
    """Per page its lines: texts of one height joined, from the top down as drawn."""
    found, maps = objects(pdf), fonts(pdf)
    kids = next(c for c in found.values() if b"/Type /Pages" in c)
    numbers = re.search(rb"/Kids \[([^\]]*)\]", kids)
    assert numbers is not None
    result: list[list[str]] = []
    for page in re.findall(rb"(\d+) 0 R", numbers[1]):
        content = re.search(rb"/Contents (\d+) 0 R", found[int(page)])
        assert content is not None
        result.append(_lines(stream(found[int(content[1])]), maps))
    return result


def _lines(content: bytes, maps: dict[str, dict[str, str] | None]) -> list[str]:
    lines: dict[bytes, str] = {}
    for name, _, _, height, codes in TEXT.findall(content):
        table = maps[name.decode()]
        if table is None:
            text = bytes.fromhex(codes.decode()).decode("cp1252")
        else:
            text = "".join(table[codes[at : at + 4].decode()] for at in range(0, len(codes), 4))
        lines[height] = lines.get(height, "") + text
    return list(lines.values())


def words(pdf: bytes) -> str:
    """All text without blanks, so that no line break matters."""
    return "".join("".join(line.split()) for page in pages(pdf) for line in page)
