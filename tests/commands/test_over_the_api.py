"""Whatever the command line can do, a program can do over `/v1`; what is local says why."""

import importlib
import inspect
import re

import pytest

from node.api.routing import PREFIX
from node.commands.root import MODULES
from tests.clients.document import document, operations
from tests.commands.tree import entries

ROUTES: dict[str, tuple[str, ...]] = {
    "status": ("GET /status",),
    "peers": ("GET /peers",),
    "peers add": ("POST /peers",),
    "token": ("GET /tokens",),
    "token new": ("POST /tokens",),
    "token list": ("GET /tokens",),
    "token revoke": ("GET /tokens", "DELETE /tokens/{token}"),
    "lan": ("GET /lan",),
    "lan on": ("PUT /lan",),
    "lan off": ("PUT /lan",),
    "lan pair": ("POST /lan/pairings", "GET /lan"),
    "id": ("GET /identity",),
    "id confirm": ("POST /identity/confirm",),
    "profile": ("GET /profile",),
    "profile set": ("GET /profile", "PUT /profile"),
    "device": ("GET /devices",),
    "device list": ("GET /devices",),
    "device revoke": ("GET /devices", "POST /devices/revoke"),
    "device renew": ("POST /devices/renew",),
    "device recognise": ("POST /devices/recognise", "POST /devices/leave"),
    "contact": ("GET /contacts",),
    "contact list": ("GET /contacts",),
    "contact add": ("POST /contacts",),
    "contact remove": ("DELETE /contacts/{member}",),
    "community": ("GET /community",),
    "community show": ("GET /community", "GET /members"),
    "community member": ("GET /members/{member}",),
    "community invite": ("POST /community/invitations",),
    "community join": ("POST /community/join",),
    "chapter": ("GET /community",),
    "chapter apply": ("POST /chapters/{name}/apply",),
    "chapter requests": ("GET /chapters/{name}/requests", "GET /chapters/{name}/renewals"),
    "chapter admit": ("POST /chapters/{name}/admit",),
    "chapter suspend": ("POST /chapters/{name}/suspend",),
    "chapter grant": ("POST /chapters/{name}/grant",),
    "chapter proposals": ("GET /chapters/{name}/proposals",),
    "chapter agree": ("POST /chapters/{name}/proposals/{proposal}/agree",),
    "chapter policy": ("GET /chapters/{name}/policy", "PUT /chapters/{name}/policy"),
    "say": ("POST /posts",),
    "read": ("GET /rooms", "GET /posts", "GET /events"),
    "post edit": ("PUT /posts/{post}",),
    "post delete": ("DELETE /posts/{post}",),
    "sell": ("POST /pictures", "POST /listings"),
    "want": ("POST /pictures", "POST /listings"),
    "search": ("GET /search",),
    "listing": ("GET /listings",),
    "listing show": ("GET /listings/{listing}", "GET /pictures/{picture}"),
    "listing edit": ("PUT /listings/{listing}",),
    "listing close": ("DELETE /listings/{listing}",),
    "pictures": ("GET /pictures", "PUT /pictures"),
    "pay": ("POST /trades", "GET /units/{unit}"),
    "invoice": ("POST /trades", "GET /units/{unit}"),
    "trade": ("GET /trades",),
    "trade list": ("GET /trades",),
    "trade show": ("GET /trades/{trade}",),
    "accept": ("POST /trades/{trade}/accept",),
    "decline": ("POST /trades/{trade}/decline",),
    "settle": ("POST /trades/{trade}/settle",),
    "release": ("POST /trades/{trade}/release",),
    "refund": ("POST /trades/{trade}/refund",),
    "rate": ("POST /trades/{trade}/rate",),
    "dispute": ("GET /disputes",),
    "dispute list": ("GET /disputes",),
    "dispute open": ("POST /disputes",),
    "dispute show": ("GET /disputes/{dispute}",),
    "dispute say": ("POST /disputes/{dispute}/evidence",),
    "dispute erase": ("POST /disputes/{dispute}/erase",),
    "dispute take": ("POST /disputes/{dispute}/take",),
    "dispute leave": ("POST /disputes/{dispute}/take",),
    "dispute vote": ("POST /disputes/{dispute}/vote",),
    "dispute close": ("POST /disputes/{dispute}/close",),
    "dispute pay": ("POST /disputes/{dispute}/pay",),
    "stall hello": ("POST /trades/greeting",),
    "stall give": ("POST /trades/{trade}/note",),
    "stall take": ("POST /trades/notes",),
    "balance": ("GET /balance", "GET /contributions"),
    "statement": ("GET /statements",),
    "statement export": ("GET /statements",),
    "receipt show": ("GET /trades/{trade}",),
    "receipt export": ("GET /receipts/{trade}",),
    "ledger verify": ("POST /ledger/verify",),
    "ledger root": ("GET /ledger/root",),
    "ledger export": ("GET /records/export",),
    "ledger audit": ("GET /ledger/audit",),
    "ledger closes": ("GET /ledger/closes",),
    "ledger close": ("POST /ledger/closes",),
    "ledger proof": ("GET /ledger/proof",),
    "export": ("GET /records/export",),
    "import": ("POST /records/import",),
}
"""Command → the routes it is made of."""

LOCAL = {
    **dict.fromkeys(("post", "stall", "service", "ledger", "receipt"), "only says what it can do"),
    "init": "makes the home that a node needs",
    "up": "is the node",
    "doctor": "looks at a home whose node may not start",
    "service install": "tells this computer to start the node",
    "service remove": "tells this computer not to",
    "id password": "changes how the key of a stopped node is sealed",
    "device add": "makes a home of its own",
    "community new": "founds a community in an empty home",
    "community plan": "checks a file before there is a community",
    "witness": "tells of a home that may be stopped; the same stands in GET /status",
    "witness key": "makes a key before there is a community",
    "receipt verify": "needs no node: a receipt proves itself",
    "statement verify": "needs no node, either",
    "ledger check-proof": "needs no node, either",
    "ledger replay": "builds a home from a table",
    "backup": "copies a home as it lies on the disk, also of a stopped node",
    "restore": "makes a home from a backup",
    "completion": "is for the shell",
    "demo": "starts nodes of its own",
    "bench": "starts nodes of its own",
}
"""Command → why no route does it."""


def known() -> set[str]:
    return {f"{method} {path}" for method, path, _ in operations(document())}


def test_every_command_is_over_the_api_or_says_why_not() -> None:
    commands = {entry.path for entry in entries()}
    assert ROUTES.keys() | LOCAL.keys() == commands
    assert not ROUTES.keys() & LOCAL.keys()
    assert all(LOCAL.values())


def test_every_named_route_exists_and_every_route_is_used_by_a_command() -> None:
    used = {route for routes in ROUTES.values() for route in routes}
    assert used <= known()
    others = {
        "POST /lan/pair": "what the phone calls",
        "DELETE /lan/pairings": "codes end by themselves, or with `lan off`",
        "GET /ledger/ties": "a picture of the web client",
        "GET /posts/{post}": "`read` shows a room as a whole",
        "POST /backup": "the command copies the home itself, also of a stopped node",
        "POST /identity/restore": "the command works on the home of a stopped node",
    }
    assert known() - used == others.keys()


@pytest.mark.parametrize("command", sorted(ROUTES))
def test_a_command_asks_for_the_routes_it_is_said_to(command: str) -> None:
    """By the source of its module: the first step of every route stands there."""
    module = importlib.import_module(f"node.commands.{MODULES[command.split()[0]]}")
    source = inspect.getsource(module)
    for route in ROUTES[command]:
        _, path = route.split()
        step = path.split("/")[1]
        written = {
            "events": r"client\.events\(",
            "records": r"save_export|send_lines|commands\.files",
        }.get(step)
        assert re.search(written or f"[\"'/]{step}[/\"'?]|chapter_path", source), (route, module)
    assert PREFIX not in source  # paths below it; the client adds it
