"""Histories of what stands: stamps that count, cuts by id, acts without their officers, alerts."""

from collections.abc import Iterator

from msgspec.structs import replace

from node.protocol.identity import Cut
from node.protocol.office import MemberAct
from tests.vectors.history import History, accept, claim, decline, propose, release, settle
from tests.vectors.history_lanes import WITNESSES, revoke, stamp, yes_head
from tests.vectors.history_money import carrying
from tests.vectors.history_trades import setting
from tests.vectors.world import (
    Community,
    Keys,
    Member,
    approve,
    grant_body,
    one_chapter,
)


def histories() -> list[History]:
    """All of them."""
    return [
        stamps_that_count(),
        stamps_over_a_carry(),
        *cuts_by_id(),
        acts_that_fall(),
        acts_that_stand_again(),
        another_chapters_officer(),
        ties(),
        *double_carries(),
        suspended(),
        statuses(),
    ]


def witnessed(name: str) -> tuple[History, Member, Member, list[Member]]:
    """Bora and Chen with limits in a chapter of four witnesses, three needed; the witnesses, and a
    fifth of whom the chapter knows nothing."""
    keys = [f"{who} device" for who in WITNESSES]
    community = one_chapter(name, ["anna"], witnesses=keys, q=3)
    history = History(name, community)
    anna, bora, chen = (Member.create(community, who) for who in ("anna", "bora", "chen"))
    others = [Member.create(community, who) for who in [*WITNESSES, "stranger"]]
    history.join(anna, bora, chen, *others)
    history.officer(anna)
    for member in (bora, chen):
        history.opens(member)
        history.grants(anna, member, 1_000)
    for witness in others:
        history.add(f"{witness.name}: witness.open", witness.start("witness"))
    return history, bora, chen, others


def stamps_that_count() -> History:
    """Three keys of the open's own witnesses, however often each stamps and whatever befell it."""
    history, bora, chen, others = witnessed("stamps that count")
    w1, w2, w3, w4, stranger = (witness.pen("witness") for witness in others)
    twin = bora.twin()
    commit = history.trade("bora pays chen", bora, chen, 600)
    void = history.add("bora tries more", propose(bora, chen, 401, bora), "void over-limit")
    side = history.add("a branch beside the commit", propose(twin, chen, 1, twin))
    first = history.add("w1 stamps", stamp(w1, bora, commit.id))
    again = history.add("w1 stamps the void head behind it", stamp(w1, bora, void.id))
    second = history.add("w2 stamps the void head", stamp(w2, bora, void.id))
    strange = history.add("a stranger stamps", stamp(stranger, bora, commit.id))
    wrong = history.add("w3 names another open", stamp(w3, chen, commit.id), "void stamp")
    beside = history.add("w4 stamps the other branch", stamp(w4, bora, side.id))
    for name, third in (
        ("two by one key", again),
        ("a key that is none of the open's witnesses", strange),
        ("a void stamp", wrong),
        ("a head beside the commit", beside),
        ("no stamp at all", void),
    ):
        named = claim(chen, commit, stamps=[first, second, third])
        history.add(name, named, "void claim-unsecured")
    third = history.add("w3 stamps", stamp(w3, bora, commit.id))
    history.add("w1's device is revoked", revoke(others[0], others[0].key))
    last = stamp(w1, bora, commit.id)
    history.add("it stamps once more", last)
    history.add("its stamps count all the same", claim(chen, commit, stamps=[last, second, third]))
    return history


def stamps_over_a_carry() -> History:
    """A stamp on a lane that carries the commit holds it too: secured, it is never contested."""
    history, bora, chen, others = witnessed("stamps over a carry")
    w1, w2, w3, w4, _ = (witness.pen("witness") for witness in others)
    commit = history.trade("bora pays chen", bora, chen, 600)
    new = carrying(history, bora, "bora new device", yes_head(bora))
    last = carrying(history, bora, "bora last device", yes_head(new))
    empty = carrying(history, bora, "bora empty device")
    named = [
        history.add("w1 stamps the commit", stamp(w1, bora, commit.id)),
        history.add("w2 stamps the lane that carries it", stamp(w2, new, new.open)),
    ]
    aside = history.add("w4 stamps a lane that carries nothing", stamp(w4, empty, empty.open))
    history.add("a lane that does not hold it", claim(chen, commit, stamps=[*named, aside]),
                "void claim-unsecured")  # fmt: skip
    history.add("bora's device is revoked before all", revoke(bora, bora.key))
    third = history.add("w3 stamps the lane that carries that", stamp(w3, last, last.open))
    history.add("three heads that hold it", claim(chen, commit, stamps=[*named, third]))
    return history


def cuts_by_id() -> Iterator[History]:
    """On account lanes the id of a cut decides and no seq, and only a record of that very lane; on
    talk the seq must be right too.
    """
    for name, seq in (("too high", 99), ("too low", 0)):
        history, _, bora, chen = setting(f"account cut, seq {name}")
        history.trade("bora pays chen", bora, chen, 100)
        until = history.trade("bora pays chen again", bora, chen, 20)
        history.trade("a thief pays chen", bora, chen, 3)
        cut = Cut(seq=seq, id=until.id)
        history.add("bora revokes her device", revoke(bora, bora.key, account=cut))
        yield history
    history, _, bora, chen = setting("cut on another lane")
    offered = history.add("chen invoices", propose(bora, chen, 100, chen))
    commit = history.add("bora pays", accept(bora, offered, bora.grant))
    cut = Cut(seq=1, id=offered.id)
    history.add("bora revokes up to chen's invoice", revoke(bora, bora.key, account=cut))
    history.add("chen claims all the same", claim(chen, commit))
    yield history
    history, _, bora, chen = setting("account cut on a social record")
    social = history.add("bora: social.open", bora.start("social"))
    history.trade("bora pays chen", bora, chen, 100)
    cut = Cut(seq=0, id=social.id)
    history.add("bora revokes", revoke(bora, bora.key, account=cut))
    yield history
    history, anna, bora, _ = setting("office cut, wrong seq")
    cut = Cut(seq=7, id=bora.grant)
    history.add("anna's office goes on to bora's grant", revoke(anna, anna.key, office=cut))
    yield history


def council(name: str, k: int) -> tuple[History, list[Member], Member]:
    """Three officers of Seoul, of whom k must agree, and Dora with an account."""
    names = ["anna", "bora", "chen"]
    community = one_chapter(name, names, k=k)
    history = History(name, community)
    officers = [Member.create(community, who) for who in names]
    dora = Member.create(community, "dora")
    history.join(*officers, dora)
    for officer in officers:
        history.officer(officer)
    history.opens(dora)
    return history, officers, dora


def acts_that_fall() -> History:
    """An act stands no longer when its officer is cut before it, and the one below is current."""
    history, [anna, bora, chen], dora = council("acts that fall", 1)
    low = grant_body(history.community, dora.open, 100)
    first = history.add("anna grants 100", anna.pen("office").write("credit.grant", low))
    body = grant_body(history.community, dora.open, 900, supersedes=[first.id])
    second = history.add("bora grants 900", bora.pen("office").write("credit.grant", body))
    history.opens(anna)
    dora.grant = second.id
    history.trade("dora pays by it", dora, anna, 900)
    plain = member_act(history.community, dora)
    history.add("bora admits dora", bora.pen("office").write("member.admit", plain))
    out = member_act(history.community, anna)
    history.add("chen suspends anna", chen.pen("office").write("member.suspend", out))
    history.add("bora's office is cut before all", revoke(bora, bora.key, account="open"))
    history.add("chen's is open", revoke(chen, chen.key, office="open"))
    history.add("the grant keeps its verdict", propose(dora, anna, 1, dora), "void over-limit")
    return history


def member_act(
    community: Community,
    member: Member,
    *,
    approvals: list[bytes] | None = None,
    supersedes: list[bytes] | None = None,
    application: bytes | None = None,
    chapter: str = "Seoul",
) -> MemberAct:
    """Body of `member.admit` or `member.suspend`."""
    return MemberAct(
        application=application,
        approvals=sorted(approvals or []),
        chapter=chapter,
        list=community.id,
        member=member.id,
        supersedes=sorted(supersedes or []),
    )


def acts_that_stand_again() -> History:
    """An approval counts for every act of its content, whether it was named or not."""
    history, [anna, bora, chen], dora = council("acts that stand again", 2)
    bare = grant_body(history.community, dora.open, 500)
    yes = history.add("bora approves", approve(bora, "credit.grant", bare))
    act = grant_body(history.community, dora.open, 500, approvals=[yes.id])
    history.add("anna grants 500", anna.pen("office").write("credit.grant", act))
    plain = member_act(history.community, dora)
    yes = history.add("bora approves an admission", approve(bora, "member.admit", plain))
    named = member_act(history.community, dora, approvals=[yes.id])
    history.add("anna admits dora", anna.pen("office").write("member.admit", named))
    history.add("bora's office is cut", revoke(bora, bora.key))
    history.add("chen approves the grant, later", approve(chen, "credit.grant", bare))
    other = grant_body(history.community, dora.open, 499)
    history.add("and another than was made", approve(chen, "credit.grant", other))
    again = grant_body(history.community, dora.open, 500, approvals=[yes.id])
    history.add("an approval of another content", anna.pen("office").write("credit.grant", again),
                "void approvals")  # fmt: skip
    history.add("chen admits dora by the same content, with the cut one's approval",
                chen.pen("office").write("member.admit", named))  # fmt: skip
    return history


def another_chapters_officer() -> History:
    """Who is an officer of Toronto alone adds nothing in Seoul."""
    document = one_chapter("x", ["anna", "bora"], k=2).document
    seoul, toronto = document.chapters
    chapters = [seoul, replace(toronto, officers=[Keys("eun").public])]
    community = Community(replace(document, name="Two", chapters=chapters))
    history = History("another chapter's officer", community)
    anna, bora, eun = (Member.create(community, who) for who in ("anna", "bora", "eun"))
    dora = Member.create(community, "dora")
    history.join(anna, bora, eun, dora)
    for officer in (anna, bora, eun):
        history.officer(officer)
    plain = member_act(community, dora)
    yes = history.add("eun approves", approve(eun, "member.admit", plain))
    named = member_act(community, dora, approvals=[yes.id])
    history.add("anna admits with it", anna.pen("office").write("member.admit", named),
                "void approvals")  # fmt: skip
    history.add("eun admits in Seoul", eun.pen("office").write("member.admit", plain),
                "void not-officer")  # fmt: skip
    right = history.add("bora approves", approve(bora, "member.admit", plain))
    named = member_act(community, dora, approvals=[yes.id, right.id])
    history.add("anna admits with both", anna.pen("office").write("member.admit", named))
    history.add("bora's office is cut: eun's does not make up for it", revoke(bora, bora.key))
    return history


def ties() -> History:
    """Equal serials: suspension, then the lower limit, then the lower id; not who came first."""
    history, [anna, bora, chen], dora = council("ties", 1)
    pens = [officer.pen("office") for officer in (anna, bora, chen)]
    plain = member_act(history.community, dora)
    admitted = [
        history.add(f"dora is admitted, {n}", pens[n % 3].write("member.admit", plain)).id
        for n in range(5)
    ]
    assert min(admitted) not in (admitted[0], admitted[-1])
    lower: list[str] = []
    subjects = [(who, place) for who in (anna, bora, chen) for place in ("Seoul", "Toronto")]
    for who, place in subjects:
        act = member_act(history.community, who, chapter=place)
        ids = {
            kind: history.add(f"{kind} of {who.name} in {place}", pens[0].write(kind, act)).id
            for kind in ("member.suspend", "member.admit")
        }
        lower.append(min(ids, key=lambda kind: ids[kind]))
    assert "member.admit" in lower, "else ids alone would decide the same"
    for limit in (200, 100, 300):
        history.grants(anna, dora, limit)
    again = grant_body(history.community, dora.open, 100)
    same = [
        history.add(f"100 once more, {n}", pens[n % 3].write("credit.grant", again)).id
        for n in range(7)
    ]
    assert min(same) not in (same[0], same[-1])
    return history


def double_carries() -> Iterator[History]:
    """`double-carry` needs two lanes that moved beside one another and are not revoked."""
    for name in ("one moved", "both moved", "one is revoked", "one on the other"):
        history, anna, bora, chen = setting(f"carried twice: {name}")
        head = yes_head(bora)
        left = carrying(history, bora, "bora left", head)
        history.grants(anna, left, 100)
        heads = [head, left.open] if name == "one on the other" else [head]
        right = carrying(history, bora, "bora right", *heads)
        history.grants(anna, right, 100)
        history.trade("left pays", left, chen, 10)
        if name == "one moved":
            bill = history.add("chen invoices right", propose(right, chen, 5, chen))
            history.add("right declines: that is no move", decline(right, bill))
        else:
            history.trade("right pays", right, chen, 10)
        if name == "one is revoked":
            history.add("left is revoked", revoke(bora, left.key, account="open"))
        yield history


def suspended() -> History:
    """A suspended member's lane has an alert; verdicts stay as they are."""
    history, anna, bora, chen = setting("suspended")
    out = member_act(history.community, bora)
    history.add("anna suspends bora", anna.pen("office").write("member.suspend", out))
    history.trade("bora pays chen", bora, chen, 10)
    other = member_act(history.community, chen, chapter="Toronto")
    history.add("chen, in Toronto alone", anna.pen("office").write("member.suspend", other))
    gone = member_act(history.community, anna)
    first = history.add("and herself", anna.pen("office").write("member.suspend", gone))
    back = member_act(history.community, anna, supersedes=[first.id])
    history.add("and admits herself again", anna.pen("office").write("member.admit", back))
    return history


def statuses() -> History:
    """What is shown of a trade: the strongest step held, on whatever branch."""
    history, _, bora, chen = setting("statuses")
    twin, other = bora.twin(), chen.twin()
    first = history.add("bora proposes 1", propose(bora, chen, 1, bora))
    history.add("chen declines", decline(chen, first))
    history.add("bora releases: released before declined", release(bora, first))
    second = history.add("bora proposes 2", propose(bora, chen, 2, bora))
    history.add("chen declines 2", decline(chen, second))
    history.add("on another branch chen accepts 2: declined before accepted",
                accept(other, second))  # fmt: skip
    third = history.add("bora proposes 3", propose(bora, chen, 3, bora))
    yes = history.add("chen accepts 3", accept(chen, third))
    branch = bora.twin()
    history.add("bora releases 3", release(bora, third))
    history.add("on another branch she settles 3: settled before all", settle(branch, yes))
    bill = history.add("chen invoices 4", propose(bora, chen, 4, chen))
    history.add("bora declines 4", decline(bora, bill))
    history.add("on another branch she pays it", accept(twin, bill, bora.grant))
    history.add("chen invoices 5, without an answer", propose(bora, chen, 5, chen))
    return history
