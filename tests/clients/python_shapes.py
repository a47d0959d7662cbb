"""Writes the shapes of the API as typed dictionaries for Python: `node/client/shapes.py`."""

import keyword
from typing import Any

from tests.clients.document import name_of

HEAD = '''"""Shapes of requests (`…In`) and answers of the API.

Written by tests/clients/generate.py from the OpenAPI document.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def written(document: dict[str, Any]) -> str:
    """The module, before it is formatted."""
    shapes: dict[str, Any] = document["components"]["schemas"]
    return "\n\n".join([HEAD, *(_shape(name, shapes[name]) for name in sorted(shapes))])


def _shape(name: str, shape: dict[str, Any]) -> str:
    required = set(shape.get("required", ()))
    fields = {
        field: kind if field in required else f"NotRequired[{kind}]"
        for field, kind in ((f, type_of(s)) for f, s in shape.get("properties", {}).items())
    }
    about = str(shape.get("description", name)).replace('"""', "'''")
    if any(keyword.iskeyword(field) for field in fields):
        inside = "".join(f'    "{field}": {kind!r},\n' for field, kind in fields.items())
        return f'{name} = TypedDict(\n    "{name}",\n    {{\n{inside}    }},\n)\n"""{about}"""\n'
    inside = "".join(f"    {field}: {kind}\n" for field, kind in fields.items())
    return f'class {name}(TypedDict):\n    """{about}"""\n\n{inside}'


def type_of(schema: dict[str, Any]) -> str:
    """The Python type of a schema."""
    name = name_of(schema)
    if name is not None:
        return name
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(type_of(part) for part in schema[several]))
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {type_of(more) if isinstance(more, dict) else 'Any'}]"
    return SIMPLE.get(str(kind), "Any")
