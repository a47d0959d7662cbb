"""Imports go left only, and the pure packages stay pure.

The order is `protocol ← views ← ledger ← {storage, wallet, network} ← services ← api ← runtime ←
commands ← cli.py`; the three in braces never import each other.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy import ROOT, imports, python_files

# A package or module may import the ones named for it, itself, and nothing else of ours.
PURE = ["protocol", "views", "ledger"]
SIDE_BY_SIDE = ["storage", "wallet", "network"]
SERVICES = [*PURE, *SIDE_BY_SIDE, "i18n"]
API = [*SERVICES, "services"]
RUNTIME = [*API, "api", "client"]
MAY_IMPORT: dict[str, list[str]] = {
    "protocol": [],
    "views": ["protocol"],
    "ledger": ["protocol", "views"],
    "storage": PURE,
    "wallet": PURE,
    "network": PURE,
    "i18n": [],
    "interpreter": [],
    "client": [],
    "services": SERVICES,
    "api": API,
    "runtime": [*RUNTIME, "interpreter"],
    "demo": [*RUNTIME, "runtime"],
    "commands": [*RUNTIME, "runtime", "demo", "interpreter"],
}

# The packages of `services`, from the left; what lies beside them is the ground that all stand on.
SERVICE_ORDER = [
    *("incoming", "photos", "trading", "chapters", "members"),
    *("books", "paper", "homes"),
]

# What needs the outside world: devices, clocks, chance, threads.
IMPURE = {
    *("asyncio", "datetime", "io", "logging", "multiprocessing", "os", "pathlib", "random"),
    *("secrets", "selectors", "shutil", "socket", "sqlite3", "subprocess", "tempfile"),
    *("threading", "time", "trio", "anyio", "libp2p", "sqlite_utils", "structlog", "uuid"),
}
# The wheel of libp2p puts packages of these names at the top of every environment.
FOREIGN_TOP_LEVEL = {"examples", "docs", "interop", "stubs"}
LIBP2P_HOME = "network"
QUICK = [
    name
    for name in ("cli", "node.client", "node.i18n")
    if (ROOT / f"{name.replace('.', '/')}.py").exists()
]


def layer(path: Path) -> str:
    """The name in `MAY_IMPORT` under which a file of node/ stands."""
    return path.parts[1].removesuffix(".py")


def node_files() -> list[Path]:
    files = [path for path in python_files() if path.parts[0] == "node"]
    return [path for path in files if path != Path("node/__init__.py")]


def broken_layering(path: Path) -> list[str]:
    """Imports of ours in `path` that its layer may not have."""
    allowed = {layer(path), *MAY_IMPORT[layer(path)]}
    ours = [(line, name.split(".")) for line, name in imports(path)]
    return [
        f"{path}:{line}: {'.'.join(parts)}"
        for line, parts in ours
        if parts[0] == "cli" or (parts[0] == "node" and len(parts) > 1 and parts[1] not in allowed)
    ]


def test_every_module_has_a_place_in_the_order() -> None:
    assert {layer(path) for path in node_files()} - set(MAY_IMPORT) == set()


def test_imports_go_left_only() -> None:
    assert [line for path in node_files() for line in broken_layering(path)] == []


def room(parts: tuple[str, ...]) -> int:
    """The place of a module of `services` (its path below) in the order; the ground is 0."""
    return SERVICE_ORDER.index(parts[0]) + 1 if parts and parts[0] in SERVICE_ORDER else 0


def test_the_packages_of_services_import_to_the_left_only() -> None:
    services = [path for path in node_files() if path.parts[1] == "services"]
    assert {path.parts[2] for path in services if len(path.parts) > 3} == set(SERVICE_ORDER)
    assert [
        f"{path}:{line}: {name}"
        for path in services
        for line, name in imports(path)
        if name.startswith("node.services.")
        and room(tuple(name.split(".")[2:])) > room(path.parts[2:])
    ] == []


def test_pure_packages_touch_nothing_outside() -> None:
    impure = [
        f"{path}:{line}: {name}"
        for path in node_files()
        if layer(path) in PURE
        for line, name in imports(path)
        if name.split(".")[0] in IMPURE
    ]
    assert impure == []


def test_only_the_network_package_knows_libp2p() -> None:
    strangers = [
        f"{path}:{line}: {name}"
        for path in node_files()
        if layer(path) != LIBP2P_HOME
        for line, name in imports(path)
        if name.split(".")[0] in {"libp2p", "multiaddr"}
    ]
    assert strangers == []


def test_no_foreign_top_level_package_is_imported_by_accident() -> None:
    accidents = [
        f"{path}:{line}: {name}"
        for path in python_files()
        for line, name in imports(path)
        if name.split(".")[0] in FOREIGN_TOP_LEVEL
    ]
    assert accidents == []


def test_the_entry_imports_no_command_until_it_runs() -> None:
    at_start = [name for _, name in imports(Path("cli.py"), only_at_import=True)]
    assert [name for name in at_start if name.startswith("node.commands.")] == []


@pytest.mark.parametrize("module", QUICK)
def test_starting_a_client_loads_nothing_heavy(module: str) -> None:
    """A command that only asks the running node must answer at once."""
    heavy = ["libp2p", "fastapi", "hypercorn", "sqlite_utils"]
    program = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_nested_relative_and_aliased_imports_are_noticed(tmp_path: Path) -> None:
    """The checks above see what they must: otherwise an empty list would prove nothing."""
    source = "def late():\n    from ..storage import writer as w\n    import trio.lowlevel as t\n"
    module = tmp_path / "node" / "ledger" / "fold.py"
    module.parent.mkdir(parents=True)
    module.write_text(source, encoding="utf-8")
    seen = [name for _, name in imports(module.relative_to(tmp_path), root=tmp_path)]
    assert "node.storage.writer" in seen
    assert "trio.lowlevel" in seen
    assert imports(module.relative_to(tmp_path), root=tmp_path, only_at_import=True) == []
