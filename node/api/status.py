"""How the node is, in one look: neighbours, sync, disk, and what its owner could do next.

Rules: cheap enough to be asked every second; says what is, in words; nags about the 24 words until
they are confirmed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from node import i18n
from node.api.context import Api
from node.api.models.node import Disk, Head, Hint, Relay, Status, Sync
from node.api.shaping import credit_decimals, iso_time, late_told, relay_fields
from node.ledger import stamps
from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.limits import DISK_FREE_LOW_BYTES
from node.services import missing
from node.services.members.setup import is_restoring
from node.services.publish import COPIED_HOME
from node.services.trading import accounts, relays
from node.storage.home import SIDE_FILES
from node.storage.rows import Rows
from node.views import identities, members
from node.wallet.phrase_file import is_waiting

EXPOSED_SHOWN_COUNT: Final = 5  # members named in one look; the member's page names every one


def status(api: Api, version: str, language: str) -> Status:
    """The whole answer to GET /status."""
    core = api.core
    with core.reading() as reader:
        heads = own_heads(api, reader)
        records = api.counted.records(reader)
        relay = own_relay(api, reader)
    return Status(
        version=version,
        home=str(core.home.path),
        started=iso_time(api.live.started_ms),
        member=api.who(core.member),
        community=core.rules.genesis.name,
        community_id=core.community.hex(),
        records=records,
        heads=heads,
        addresses=api.live.addresses(),
        sync=sync(api, language),
        disk=disk(api, language),
        relay=relay,
        next=hints(api, language),
    )


def own_heads(api: Api, reader: Rows) -> list[Head]:
    """The newest records of this device's lanes and of the identity lane."""
    member, device = api.core.member, api.core.own.public_key
    found: list[Head] = []
    for lane in Lane:
        signer = member if lane == Lane.IDENTITY else device
        for head in lanes.heads_of(reader, member + signer + bytes((lane,))):
            found.append(Head(lane=lane.name.lower(), seq=head.seq, id=head.id.hex()))
    return found


def own_relay(api: Api, reader: Rows) -> Relay | None:
    """What this device has done as a relay, or None."""
    core = api.core
    found = relays.own_relay(reader, core.rules, core.member, core.own.public_key)
    return None if found is None else Relay(**relay_fields(found))


def sync(api: Api, language: str) -> Sync:
    """Neighbours, and whether they hold what we hold."""
    neighbours = api.live.neighbours()
    in_sync = sum(neighbour.in_sync for neighbour in neighbours)
    state = api.live.network_state
    if state in ("off", "failed"):
        text = i18n.text(f"network.{state}", language)
    elif not neighbours:
        text = i18n.text("peers.none", language)
    elif in_sync:
        text = i18n.text("status.caught_up", language)
    else:
        text = i18n.text("peers.count", language, count=len(neighbours))
    waiting = api.core.reader.deferred.count()
    return Sync(
        network=state, neighbours=len(neighbours), in_sync=in_sync, waiting=waiting, text=text
    )


def disk(api: Api, language: str) -> Disk:
    """Room left, and whether writing works."""
    home, fault = api.core.home, api.core.writer.fault
    return Disk(
        free_bytes=home.free_bytes(),
        used_bytes=sum(_size(path) for path in _data_files(api)),
        writing=fault is None,
        problem=None if fault is None else i18n.problem_text(fault.code, language, **fault.values),
    )


def _data_files(api: Api) -> list[Path]:
    home = api.core.home
    databases = (home.database, home.search, home.pictures)
    return [path.with_name(path.name + side) for path in databases for side in SIDE_FILES]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def hints(api: Api, language: str) -> list[Hint]:
    """What needs the owner, most pressing first."""
    core, found = api.core, list[Hint]()

    def add(code: str, key: str, command: str | None = None, **values: object) -> None:
        found.append(Hint(code=code, text=i18n.text(key, language, **values), command=command))

    missed = missing.read(core.reader)
    if core.missing.lanes:
        add("own-lane-damaged", "problem.own-lane-damaged")
    elif missed.records:
        add("mending", "mending.missing", count=len(missed.records))
    if identities.is_revoked(core.reader, core.member, core.own.public_key):
        add("shut-out", "late.shut_out", "wetalk device renew")
    elif core.reader.settings.get(COPIED_HOME) is not None:
        add("home-copied", "problem.home-copied", "wetalk device renew")
    if core.writer.fault is not None:
        fault = core.writer.fault
        text = i18n.problem_text(fault.code, language, **fault.values)
        found.append(Hint(code=fault.code, text=text))
    elif core.home.free_bytes() < DISK_FREE_LOW_BYTES:
        add("disk-low", "next.disk_low")
    if is_waiting(core.home.phrase):
        add("confirm-words", "phrase.nag")
    _concerning(api, add)
    if is_restoring(core):
        add("restoring", "next.restoring")
    elif core.echo_wanted:
        add("echo", "next.echo")
    _relays(api, add)
    if api.live.network_state == "running" and not api.live.neighbours():
        add("neighbours", "peers.none")
    _belonging(api, add)
    waiting = api.waiting.trades()
    if waiting:
        add("trades", "next.trades", "wetalk trade list", count=waiting)
    applicants = api.waiting.applicants()
    if applicants:
        add("applications", "next.applications", "wetalk chapter requests", count=applicants)
    asked = api.office.waiting()
    if asked:
        add("proposals", "next.proposals", "wetalk chapter proposals", count=asked)
    disputes = api.disputes.waiting()
    if disputes:
        add("disputes", "next.disputes", "wetalk dispute list", count=disputes)
    return found


def _concerning(api: Api, add: Callable[..., None]) -> None:
    """What became known of old devices, forks and doubts, as it touches this member."""
    found, decimals = api.concerns.look(), credit_decimals(api.core)
    for one in found.exposed[:EXPOSED_SHOWN_COUNT]:
        name = api.who(one.member).name
        if one.trades:
            amount = i18n.amount_text(one.amount, decimals)
            count = len(one.trades)
            add("exposed", "exposed.partner", "wetalk trade list", name=name, count=count,
                amount=amount)  # fmt: skip
        if one.officer:
            add("exposed-officer", "exposed.officer", "wetalk chapter requests", name=name)
    for one in found.surfaced:
        key, values = late_told(api.core, one)
        add("late", key, "wetalk device list", **values)
    if found.alert is not None:
        add("two-accounts", "late.two_accounts", "wetalk device renew")
    elif found.behind:
        add("behind", "late.behind", "wetalk device renew")
    if found.awaiting is not None:
        key = f"awaiting.{found.awaiting.replace('-', '_')}"
        add("limit-awaited", key if key in i18n.catalogue(i18n.FALLBACK) else "awaiting.other")
    if found.in_doubt.count:
        amount = i18n.amount_text(found.in_doubt.amount, decimals)
        add("in-doubt", "doubt.count", "wetalk trade list", count=found.in_doubt.count,
            amount=amount)  # fmt: skip
    if found.renewals:
        add("renewals", "renewal.hint", "wetalk chapter requests", count=found.renewals)


def _relays(api: Api, add: Callable[..., None]) -> None:
    """What relays have confirmed that needs somebody."""
    core = api.core
    with core.reading() as reader:
        keys = {key for chapter in core.rules.genesis.chapters for key in chapter.witnesses}
        convicted = {key for key in keys if stamps.is_convicted(reader, key)}
        if core.own.public_key in convicted:
            add("relay-convicted", "next.witness_convicted")
        elif convicted:
            add("relay-liar", "alert.witness", "wetalk community show")
        if accounts.left_behind(core, reader):
            add("left-behind", "next.left_behind", "wetalk device renew")


def _belonging(api: Api, add: Callable[..., None]) -> None:
    """How far this member belongs, where that leaves something to do or to wait for."""
    core = api.core
    states = {
        members.membership(core.reader, number, core.member, core.rules)
        for number in range(len(core.rules.genesis.chapters))
    }
    if "suspended" in states:
        add("suspended", "next.suspended")
    elif not states & {"member", "officer"}:
        if "applicant" in states:
            add("admission", "next.admission")
        else:
            add("apply", "next.apply", "wetalk chapter apply")
