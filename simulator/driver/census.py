"""How much there is of everything: tables below a network layer, and tasks of the whole run.

Rules: tables are found whether we know of them or not. Objects of these packages are walked through
their attributes, other objects are not; each container is counted once, under the path to it.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sized
from typing import Any, Final

import trio

PACKAGES: Final = ("node.network", "libp2p")
DEPTH_MAX: Final = 9
ITEMS_LOOKED_INTO_COUNT: Final = 64


def census(root: object) -> dict[str, int]:
    """Sizes of the containers reachable from an object, by path."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    todo: deque[tuple[str, Any, int]] = deque([("", root, 0)])
    while todo:
        path, one, depth = todo.popleft()
        if id(one) in seen or depth > DEPTH_MAX:
            continue
        seen.add(id(one))
        if isinstance(one, (dict, list, set, frozenset, deque, bytearray)):
            found[path] = max(found.get(path, 0), len(one))  # pyright: ignore
        for name, inner in _inside(one):
            todo.append((f"{path}.{name}" if name else path, inner, depth + 1))
    return found


def _inside(one: Any) -> Iterator[tuple[str, Any]]:
    """What to look at within an object."""
    if isinstance(one, Mapping):
        for value in list(one.values())[:ITEMS_LOOKED_INTO_COUNT]:  # pyright: ignore
            yield "[]", value
    elif isinstance(one, (list, tuple, set, frozenset, deque)):
        for value in list(one)[:ITEMS_LOOKED_INTO_COUNT]:  # pyright: ignore
            yield "[]", value
    elif type(one).__module__.startswith(PACKAGES) and not isinstance(one, type):
        names = list(getattr(one, "__dict__", ()))
        for kind in type(one).__mro__:
            names += [name for name in getattr(kind, "__slots__", ()) if isinstance(name, str)]
        for name in names:
            inner = getattr(one, name, None)
            if not callable(inner) or isinstance(inner, Sized):
                yield name, inner


def running() -> Counter[str]:
    """How many tasks there are, by name."""
    found: Counter[str] = Counter()
    todo = [trio.lowlevel.current_root_task()]
    while todo:
        task = todo.pop()
        assert task, "within a run there is a root"
        found[task.name] += 1
        todo += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found
