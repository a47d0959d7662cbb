"""Histories in which every kind gets every code that it can, and waits for all that it needs.

The other histories tell how rules work together; these leave no place in the tables of sections 8
to 12 without a case.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from node.protocol.account import (
    AccountClaim,
    AccountOpen,
    ClaimItem,
    RatingGive,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.dispute import (
    DisputeClose,
    DisputeErase,
    DisputeEvidence,
    DisputeOpen,
    DisputePaid,
    DisputeShare,
    DisputeTake,
    DisputeVote,
    Seal,
)
from node.protocol.identity import DeviceRevoke
from node.protocol.market import ListingClose
from node.protocol.office import (
    ChapterClose,
    ChapterPolicy,
    MemberAct,
    OfficeAct,
    OfficeApprove,
    WitnessStamp,
)
from node.protocol.shapes import Body
from node.protocol.social import LaneOpen, PostDelete
from tests.vectors.history import History, accept, claim, decline, propose, release, settle
from tests.vectors.history_trades import setting
from tests.vectors.world import (
    Keys,
    Made,
    Member,
    Pen,
    approve,
    fill,
    grant_body,
    one_chapter,
    salt,
)

Need = tuple[str, str, str, Body]
LANES = ("account", "social", "market", "office", "witness")


def histories() -> list[History]:
    """All of them."""
    return [
        after_a_void_open(),
        invoices_under_bad_grants(),
        acts(),
        grants_of_other_witnesses(),
        needs(),
        chains(),
        openings(),
        disputes(),
    ]


def after_a_void_open() -> History:
    """Whatever follows a void open is void for that alone."""
    history, _, bora, chen = setting("after a void open")
    paid = history.trade("bora pays chen", bora, chen, 10)
    asked = history.add("chen invoices", propose(bora, chen, 1, chen))
    offered = history.add("bora proposes", propose(bora, chen, 1, bora))
    yes = history.add("chen accepts", accept(chen, offered))
    made, twin = bora.second_device("bora device 2")
    history.add("another device", made)
    pen = twin.pens["account"] = Pen(history.community, twin.id, Keys(twin.device))
    body = AccountOpen(auth=twin.auth, carry=[bora.open], chapter="Busan", q=0, witnesses=[])
    opened = pen.write("account.open", body)
    twin.open = history.add("void open", opened, "void unknown-chapter").id
    rating = RatingGive(commit=paid.id, review=None, stars=5)
    for name, step in (
        ("propose", propose(twin, chen, 1, twin, grant=bora.grant)),
        ("accept", accept(twin, asked, bora.grant)),
        ("decline", decline(twin, asked)),
        ("settle", settle(twin, yes)),
        ("release", release(twin, asked)),
        ("claim", claim(twin, paid)),
        ("rate", pen.write("rating.give", rating)),
    ):
        history.add(name, step, "void no-open")
    return history


def invoices_under_bad_grants() -> History:
    """A payer who accepts an invoice rests on a grant like one who proposes."""
    history, anna, bora, chen = setting("invoices under bad grants")
    body = grant_body(history.community, bora.open, 900, supersedes=[bora.grant])
    newer = history.add("newer grant", anna.pen("office").write("credit.grant", body))
    asked = [history.add(f"invoice {number}", propose(bora, chen, 1, chen)) for number in range(3)]
    history.add("no grant", accept(bora, asked[0]), "void grant")
    history.add("no grant, but an open", accept(bora, asked[0], bora.open), "void grant")
    history.add("the grant of another", accept(bora, asked[0], chen.grant), "void grant-lane")
    history.add("paid", accept(bora, asked[0], newer.id))
    history.add("an older grant", accept(bora, asked[1], bora.grant), "void grant-stale")
    history.add("paid too", accept(bora, asked[1], newer.id))
    return history


def _acts_of(history: History, dora: Member) -> list[tuple[str, OfficeAct]]:
    common: dict[str, Any] = {
        "approvals": [], "chapter": "Seoul", "list": history.community.id, "supersedes": [],
    }  # fmt: skip
    member = MemberAct(application=None, member=dora.id, **common)
    return [
        ("member.admit", member),
        ("member.suspend", member),
        ("credit.grant", grant_body(history.community, dora.open, 5)),
        ("chapter.policy", ChapterPolicy(
            counts=[], faith_days=9, mediators=[], secured_from=None, **common)),
        ("chapter.close", ChapterClose(
            count=1, negative=2, period=202611, positive=2, root=fill("root"), state=fill("state"),
            **common)),
    ]  # fmt: skip


def acts() -> History:
    """Every kind of act: by a stranger, of no chapter, by too few, in place of something else."""
    community = one_chapter("acts", ["anna", "bora"], k=2)
    history = History("acts", community)
    anna, bora, chen, dora = (Member.create(community, n) for n in ("anna", "bora", "chen", "dora"))
    history.join(anna, bora, chen, dora)
    history.officer(anna)
    history.officer(bora)
    history.add("office of chen", chen.start("office"), "void not-officer")
    history.opens(dora)
    ok = dict[str, Made]()
    for kind, act in _acts_of(history, dora):
        pen = anna.pen("office")
        history.add(f"{kind}: chen is no officer", chen.pen("office").write(kind, act),
                    "void not-officer")  # fmt: skip
        abroad = msgspec.structs.replace(act, chapter="Busan")
        history.add(f"{kind}: no such chapter", pen.write(kind, abroad), "void unknown-chapter")
        history.add(f"{kind}: anna alone", pen.write(kind, act), "void approvals")
        wrong = _with(history, bora, kind, msgspec.structs.replace(act, supersedes=[dora.open]))
        history.add(f"{kind}: in place of no act", pen.write(kind, wrong), "void supersedes")
        good = _with(history, bora, kind, act)
        ok[kind] = history.add(f"{kind}: both", pen.write(kind, good))
    for kind, act in _acts_of(history, dora):
        other = ok["chapter.policy" if kind != "chapter.policy" else "chapter.close"]
        wrong = msgspec.structs.replace(act, supersedes=[other.id])
        wrong = _with(history, bora, kind, wrong)
        history.add(f"{kind}: in place of an act on something else",
                    anna.pen("office").write(kind, wrong), "void supersedes")  # fmt: skip
    return history


def _with(history: History, officer: Member, kind: str, act: OfficeAct) -> OfficeAct:
    """The act with the approval of another officer, which is offered first."""
    yes = history.add(f"{kind}: {officer.name} approves", approve(officer, kind, act))
    return msgspec.structs.replace(act, approvals=[yes.id])


def _needing(history: History, payer: Member, payee: Member, missing: bytes) -> list[Need]:
    """(lane, kind, field, body): each field that must be held, with `missing` in it."""
    terms = TradePropose(
        amount=1, grant=payer.grant, order_hash=fill("order"), payee_lane=payee.open,
        payer_lane=payer.open, refunds=None, unit="credit", valid_until=None,
    )  # fmt: skip
    paid = history.trade(f"paid before {missing.hex()[:4]}", payer, payee, 1)
    one, none = [missing], ClaimItem(commit=missing, stamps=[])
    stamped = ClaimItem(commit=paid.id, stamps=one)
    found: list[Need] = [
        *(("account", "trade.propose", field, msgspec.structs.replace(terms, **{field: missing}))
          for field in ("grant", "payee_lane", "payer_lane", "refunds")),
        ("account", "trade.accept", "grant", TradeAccept(grant=missing, propose=paid.id)),
        ("account", "trade.accept", "propose", TradeAccept(grant=None, propose=missing)),
        ("account", "trade.decline", "propose", TradeDecline(propose=missing)),
        ("account", "trade.settle", "accept", TradeSettle(accept=missing)),
        ("account", "trade.release", "trade", TradeRelease(trade=missing)),
        ("account", "account.claim", "items", AccountClaim(items=[none])),
        ("account", "account.claim", "items", AccountClaim(items=[stamped])),
        ("account", "rating.give", "commit", RatingGive(commit=missing, review=None, stars=1)),
        ("witness", "witness.stamp", "head", WitnessStamp(head=missing, open=payer.open)),
        ("witness", "witness.stamp", "open", WitnessStamp(head=paid.id, open=missing)),
    ]  # fmt: skip
    for kind, act in _acts_of(history, payer):
        for field in ("approvals", "supersedes"):
            body = msgspec.structs.replace(act, **{field: one})
            found.append(("office", kind, field, body))
    grant = grant_body(history.community, missing, 1)
    return [*found, ("office", "credit.grant", "open", grant)]


def needs() -> History:
    """Each field that must be held: not held, the record waits; of a social lane, it is refused."""
    history, anna, bora, _ = setting("needs")
    history.add("anna: witness.open", anna.start("witness"))
    talk = history.add("anna: social.open", anna.start("social"))
    for missing, expect in ((fill("nothing"), "defer"), (talk.id, "reject shape")):
        word = "not held" if expect == "defer" else "of a social lane"
        for lane, kind, field, body in _needing(history, anna, bora, missing):
            made = anna.pen(lane).write(kind, body, keep=False)
            history.add(f"{kind}, {field} {word}", made, expect)
        for kind, field, made in _opens(history, anna, missing):
            history.add(f"{kind}, {field} {word}", made, expect)
    return history


def _opens(history: History, member: Member, missing: bytes) -> Iterator[tuple[str, str, Made]]:
    """(kind, field, record): every kind of record 0, with `missing` for what must be held."""
    for lane in LANES:
        pen = Pen(history.community, member.id, Keys(member.device))
        yield f"{lane}.open", "auth", pen.write(f"{lane}.open", _open(lane, missing))
    pen = Pen(history.community, member.id, Keys(member.device))
    body = msgspec.structs.replace(_open("account", member.auth), carry=[missing])
    yield "account.open", "carry", pen.write("account.open", body)


def chains() -> History:
    """Records whose predecessor is not held, or is not the record before it."""
    history, anna, bora, _ = setting("chains")
    for lane in ("social", "market", "witness"):
        history.add(f"{lane}.open", anna.start(lane))
    paid = history.trade("anna pays bora", anna, bora, 1)
    bodies: dict[str, tuple[str, Body]] = {
        "identity": ("device.revoke", DeviceRevoke(cuts={}, key=fill("key"))),
        "account": ("rating.give", RatingGive(commit=paid.id, review=None, stars=1)),
        "social": ("post.delete", PostDelete(post=fill("post"), salt=salt("post"))),
        "market": ("listing.close", ListingClose(
            erase=False, listing=fill("listing"), salt=salt("listing"))),
        "office": ("office.approve", OfficeApprove(act=fill("act"))),
        "witness": ("witness.stamp", WitnessStamp(head=paid.id, open=anna.open)),
    }  # fmt: skip
    for lane, (kind, body) in bodies.items():
        pen, other = anna.pen(lane), bora.pen("account" if lane != "account" else "identity")
        for name, seq, prev, expect in (
            ("after nothing", pen.seq, fill("nothing"), "defer"),
            ("a place left out", pen.seq + 1, pen.prev, "reject chain"),
            ("after another lane", other.seq, other.prev, "reject chain"),
        ):
            made = Pen(history.community, anna.id, pen.keys, seq, prev).write(kind, body)
            history.add(f"{lane}: {name}", made, expect)
    return history


def openings() -> History:
    """Record 0 of every lane by a device that was not added for it."""
    history, anna, bora, _ = setting("openings")
    market = anna.add_device("anna device 2", ["market"])
    history.add("a device for the market", market)
    rest = anna.add_device("anna device 3", ["account", "office", "social", "witness"])
    history.add("a device for all else", rest)
    for lane in LANES:
        device, auth = ("anna device 2", market) if lane != "market" else ("anna device 3", rest)
        for name, keys, named in (
            ("not for this lane", device, auth.id),
            ("another key", "anna device 4", anna.auth),
            ("of another member", bora.device, bora.auth),
            ("no device.add", anna.device, anna.first[0].id),
        ):
            pen = Pen(history.community, anna.id, Keys(keys))
            made = pen.write(f"{lane}.open", _open(lane, named))
            history.add(f"{lane}: {name}", made, "reject not-authorised")
    return history


def _open(lane: str, auth: bytes) -> Body:
    if lane != "account":
        return LaneOpen(auth=auth)
    return AccountOpen(auth=auth, carry=[], chapter="Seoul", q=0, witnesses=[])


def grants_of_other_witnesses() -> History:
    """An open is granted to only with its chapter's witnesses, all of them, and with its q."""
    witnesses = [f"witness {number}" for number in range(4)]
    community = one_chapter("grants of other witnesses", ["anna"], witnesses=witnesses[:3], q=2)
    history = History("grants of other witnesses", community)
    anna = Member.create(community, "anna")
    history.join(anna)
    history.officer(anna)
    for name, q, chosen, expect in (
        ("another q", 3, witnesses[:3], "void grant-witnesses"),
        ("another witness", 2, witnesses[1:], "void grant-witnesses"),
        ("one witness more", 3, witnesses, "void grant-witnesses"),
        ("one witness less", 2, witnesses[:2], "void grant-witnesses"),
        ("none", 0, [], "void grant-witnesses"),
        ("those of the chapter", 2, witnesses[:3], "ok"),
    ):
        member = Member.create(community, f"bora, {name}")
        history.join(member)
        pen = Pen(community, member.id, Keys(member.device))
        keys = sorted(Keys(witness).public for witness in chosen)
        body = AccountOpen(auth=member.auth, carry=[], chapter="Seoul", q=q, witnesses=keys)
        opened = history.add(f"{name}: account.open", pen.write("account.open", body))
        grant = anna.pen("office").write("credit.grant", grant_body(community, opened.id, 5))
        history.add(f"{name}: grant", grant, expect)
    return history


def disputes() -> History:
    """Every kind of a dispute is held; what an author erases is not taken in again."""
    history, anna, bora, chen = setting("disputes")
    for member in (anna, bora, chen):
        history.add(f"{member.name}: social.open", member.start("social"))
    paid = history.trade("bora pays chen", bora, chen, 10)
    seals = [Seal(device=anna.key, sealed=bytes(80))]

    def say(by: Member, name: str, body: Body, kind: str, expect: str = "ok") -> Made:
        return history.add(f"{by.name}: {name}", by.pen("social").write(kind, body), expect)

    opened = say(bora, "opens", DisputeOpen(salt=salt("1"), trade=paid.id), "dispute.open").id
    told = DisputeEvidence(box=bytes(40), dispute=opened, keys=seals, salt=salt("2"))
    evidence = say(bora, "tells", told, "dispute.evidence")
    shared = DisputeShare(dispute=opened, evidence=evidence.id, keys=seals, salt=salt("3"))
    say(bora, "shares", shared, "dispute.share")
    taken = DisputeTake(dispute=opened, salt=salt("4"), takes=True)
    say(anna, "takes it", taken, "dispute.take")
    vote = DisputeVote(amount=5, dispute=opened, salt=salt("5"), to="payer")
    say(anna, "votes", vote, "dispute.vote")
    say(anna, "names a payment", DisputePaid(dispute=opened, salt=salt("6"), trade=paid.id),
        "dispute.paid")  # fmt: skip
    erased = DisputeErase(dispute=opened, evidence=evidence.id, salt=salt("7"))
    say(chen, "erases what is not hers", erased, "dispute.erase")
    say(bora, "erases it", erased, "dispute.erase")
    history.add("the evidence once more", evidence, "known")
    say(bora, "closes", DisputeClose(dispute=opened, salt=salt("8")), "dispute.close")
    return history
