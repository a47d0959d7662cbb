"""Histories of officers, devices, and of social and market lanes."""

import msgspec

from node.protocol.account import AccountOpen
from node.protocol.identity import Cut
from node.protocol.market import (
    ListingClose,
    ListingPictures,
    ListingPut,
    Picture,
    PictureFile,
    ReviewPut,
)
from node.protocol.office import (
    ChapterClose,
    ChapterPolicy,
    CreditGrant,
    MemberAct,
    OfficeApprove,
    OfficePropose,
    act_content,
)
from node.protocol.social import MemberApply, PostDelete, PostEdit, PostPut, ProfileSet
from tests.vectors.history import History
from tests.vectors.history_lanes import revoke
from tests.vectors.history_trades import setting
from tests.vectors.world import (
    Community,
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


def histories() -> list[History]:
    """All of them."""
    return [officers(), settings(), grants(), devices(), admission(), talk(), market(), cut_talk()]


def _act(
    community: Community,
    member: Member,
    *,
    approvals: list[bytes] | None = None,
    supersedes: list[bytes] | None = None,
    chapter: str = "Seoul",
    list_: bytes | None = None,
) -> MemberAct:
    return MemberAct(
        application=None,
        approvals=sorted(approvals or []),
        chapter=chapter,
        list=community.id if list_ is None else list_,
        member=member.id,
        supersedes=sorted(supersedes or []),
    )


def officers() -> History:
    """Two of three officers make an act; acts supersede; ties go to suspension."""
    names = ["anna", "bora", "chen"]
    community = one_chapter("officers", names, k=2)
    history = History("officers", community)
    anna, bora, chen = (Member.create(community, who) for who in names)
    dora, stranger = Member.create(community, "dora"), Member.create(community, "stranger")
    history.join(anna, bora, chen, dora, stranger)
    for officer in (anna, bora, chen):
        history.officer(officer)
    history.add("office of a stranger", stranger.start("office"), "void not-officer")
    pen = anna.pen("office")
    plain = _act(community, dora)
    history.add("one officer alone", pen.write("member.admit", plain), "void approvals")
    own = approve(anna, "member.admit", plain)
    history.add("anna approves her own", own)
    yes = history.add("bora approves", approve(bora, "member.admit", plain))
    twice = _act(community, dora, approvals=[own.id])
    history.add("her own approval adds nothing", pen.write("member.admit", twice),
                "void approvals")  # fmt: skip
    other = _act(community, stranger, approvals=[yes.id])
    history.add("an approval of something else", pen.write("member.admit", other),
                "void approvals")  # fmt: skip
    admitted = _act(community, dora, approvals=[yes.id])
    first = history.add("two officers admit", pen.write("member.admit", admitted))
    _more_officers(history, anna, bora, chen, dora, stranger, first)
    return history


def _more_officers(
    history: History,
    anna: Member,
    bora: Member,
    chen: Member,
    dora: Member,
    stranger: Member,
    first: Made,
) -> None:
    community, pen = history.community, anna.pen("office")
    abroad = _act(community, dora, chapter="Busan")
    history.add("no such chapter", pen.write("member.admit", abroad), "void unknown-chapter")
    toronto = _act(community, dora, chapter="Toronto")
    history.add("bora is no officer in Toronto", bora.pen("office").write("member.admit", toronto),
                "void not-officer")  # fmt: skip
    history.add("anna is, alone", pen.write("member.admit", toronto))
    unknown = _act(community, dora, list_=fill("another list"))
    history.add("another list", pen.write("member.admit", unknown), "void not-officer")
    outside = OfficeApprove(act=fill("act"))
    history.add("a stranger approves", stranger.pen("office").write("office.approve", outside),
                "void not-officer")  # fmt: skip
    out = _act(community, dora, supersedes=[first.id])
    yes = history.add("chen approves a suspension", approve(chen, "member.suspend", out))
    out = _act(community, dora, supersedes=[first.id], approvals=[yes.id])
    history.add("dora is suspended", pen.write("member.suspend", out))
    again = _act(community, dora, supersedes=[first.id])
    yes = history.add("bora approves at the same time", approve(bora, "member.admit", again))
    again = _act(community, dora, supersedes=[first.id], approvals=[yes.id])
    history.add("dora is admitted again: a tie", pen.write("member.admit", again))
    wrong = _act(community, stranger, supersedes=[first.id])
    yes = history.add("chen approves", approve(chen, "member.admit", wrong))
    wrong = _act(community, stranger, supersedes=[first.id], approvals=[yes.id])
    history.add("supersedes an act on another", pen.write("member.admit", wrong),
                "void supersedes")  # fmt: skip
    history.add("bora's device is revoked", revoke(bora, bora.key))


def settings() -> History:
    """Proposals, policies and closes: acts of a chapter on itself."""
    community = one_chapter("settings", ["anna", "bora"], k=2)
    history = History("settings", community)
    anna, bora, chen = (Member.create(community, who) for who in ("anna", "bora", "chen"))
    history.join(anna, bora, chen)
    for member in (anna, bora, chen):
        history.add(f"office of {member.name}", member.start("office"),
                    "void not-officer" if member is chen else "ok")  # fmt: skip
    policy = ChapterPolicy(
        approvals=[], chapter="Seoul", counts=["gift", "hours"], faith_days=14,
        list=community.id, mediators=[], secured_from=5_000, supersedes=[],
    )  # fmt: skip

    def proposal(by: Member, name: str, body: ChapterPolicy, expect: str = "ok") -> None:
        content = act_content("chapter.policy", body)
        made = by.pen("office").write("office.propose", OfficePropose(content=content))
        history.add(name, made, expect)

    proposal(anna, "anna proposes a policy", policy)
    proposal(chen, "chen is no officer", policy, "void not-officer")
    abroad = msgspec.structs.replace(policy, chapter="Busan")
    proposal(anna, "no such chapter", abroad, "void unknown-chapter")
    other = msgspec.structs.replace(policy, list=fill("another list"))
    proposal(anna, "another list", other, "void not-officer")
    toronto = msgspec.structs.replace(policy, chapter="Toronto")
    proposal(bora, "bora is no officer in Toronto", toronto, "void not-officer")
    yes = history.add("bora approves", approve(bora, "chapter.policy", policy))
    pen = anna.pen("office")
    history.add("anna alone", pen.write("chapter.policy", policy), "void approvals")
    agreed = msgspec.structs.replace(policy, approvals=[yes.id])
    first = history.add("both", pen.write("chapter.policy", agreed))
    close = ChapterClose(
        approvals=[], chapter="Seoul", count=0, list=community.id, negative=0, period=202610,
        positive=0, root=fill("root"), state=fill("state"), supersedes=[first.id],
    )  # fmt: skip
    _closes(history, anna, bora, close)
    return history


def _closes(history: History, anna: Member, bora: Member, close: ChapterClose) -> None:
    def agreed(name: str, body: ChapterClose, expect: str = "ok") -> Made:
        yes = history.add(f"{name}: bora approves", approve(bora, "chapter.close", body))
        body = msgspec.structs.replace(body, approvals=[yes.id])
        return history.add(name, anna.pen("office").write("chapter.close", body), expect)

    agreed("a close after a policy", close, "void supersedes")
    first = agreed("a close", msgspec.structs.replace(close, supersedes=[]))
    again = msgspec.structs.replace(close, supersedes=[first.id], count=1)
    agreed("the same period once more", again)
    later = msgspec.structs.replace(close, supersedes=[first.id], period=202611)
    agreed("another period is another subject", later, "void supersedes")
    agreed("the next period", msgspec.structs.replace(later, supersedes=[]))


def grants() -> History:
    """What may be granted: to which opens, up to which limit; the treasury is free."""
    community = one_chapter("grants", ["anna"], witnesses=["w1", "w2"], q=2, treasury="chest")
    history = History("grants", community)
    anna, bora, chest = (Member.create(community, who) for who in ("anna", "bora", "chest"))
    history.join(anna, bora, chest)
    history.officer(anna)
    for member in (bora, chest):
        history.opens(member)
    pen = anna.pen("office")

    def grant(name: str, body: CreditGrant, expect: str = "ok") -> Made:
        return history.add(name, pen.write("credit.grant", body), expect)

    grant("above the highest limit", grant_body(community, bora.open, 50_001), "void limit-max")
    first = grant("the highest limit", grant_body(community, bora.open, 50_000))
    grant("anything to the treasury", grant_body(community, chest.open, 2**53 - 1))
    grant("to no open", grant_body(community, bora.auth, 1), "void grant-open")
    elsewhere = grant_body(community, bora.open, 0, chapter=1)
    grant("of another chapter", elsewhere, "void grant-open")
    made, odd = bora.second_device("bora without witnesses")
    history.add("bora adds a device", made)
    odd.pens["account"] = Pen(community, odd.id, Keys(odd.device))
    plain = AccountOpen(auth=odd.auth, carry=[], chapter="Seoul", q=0, witnesses=[])
    made = history.add("an open without witnesses", odd.pen("account").write("account.open", plain))
    grant("witnesses are not the chapter's", grant_body(community, made.id, 1),
          "void grant-witnesses")  # fmt: skip
    lower = grant_body(community, bora.open, 10, supersedes=[first.id])
    grant("a lower one", lower)
    higher = grant_body(community, bora.open, 20, supersedes=[first.id])
    grant("at the same time a higher one: the lower counts", higher)
    return history


def devices() -> History:
    """Identity lanes: keys once added, forks that unite, scopes that must fit."""
    community = one_chapter("devices", ["anna"])
    history = History("devices", community)
    anna = Member.create(community, "anna")
    history.join(anna)
    history.add("the same key again", anna.add_device("anna device"), "void key-reused")
    twin = anna.twin()
    talk = history.add("a device for talk only", anna.add_device("talker", ["social"]))
    other = twin.add_device("anna phone")
    history.add("another installation adds another", other)
    again = twin.add_device("talker", ["market", "social"])
    history.add("and the talker too: scopes unite", again)
    talker = Member(community, "anna", "talker", ["social"], auth=talk.id)
    history.add("talker opens social", talker.start("social"))
    history.add("talker opens an account", talker.start_account(), "reject not-authorised")
    history.add("talker opens a market by this add", talker.start("market"),
                "reject not-authorised")  # fmt: skip
    talker.auth = again.id
    history.add("by the other add it may", talker.start("market"))
    phone = Member(community, "anna", "anna phone", [], auth=talk.id)
    history.add("phone names another's add", phone.start("social"), "reject not-authorised")
    stranger = Member.create(community, "stranger")
    history.join(stranger)
    borrowed = Member(community, "stranger", "talker", [], auth=talk.id)
    history.add("a stranger names it", borrowed.start("social"), "reject not-authorised")
    void = Member(community, "anna", "anna device", [], auth=bytes.fromhex(history.steps[2]["id"]))
    history.add("a void add", void.start("social"), "reject not-authorised")
    created = Member(community, "anna", "anna phone", [], auth=anna.first[0].id)
    history.add("no add at all", created.start("social"), "reject not-authorised")
    return history


def admission() -> History:
    """Chains that do not fit, and waiting."""
    history, anna, bora, _ = setting("admission")
    history.add("social.open", bora.start("social"))
    pen = bora.pen("social")
    wrong = pen.copy()
    wrong.seq = 5
    history.add("a gap in seq", post_of(wrong, "gap"), "reject chain")
    wrong = pen.copy()
    wrong.prev = bora.open
    history.add("prev on another lane", post_of(wrong, "astray"), "reject chain")
    wrong.prev = fill("nothing")
    history.add("prev is not known", post_of(wrong, "waiting"), "defer")
    first = post_of(pen, "first")
    second = post_of(pen, "second")
    history.add("second before first", second, "defer")
    history.add("first", first)
    history.add("second", second)
    history.add("again, with its body", second, "known")
    grant = grant_body(history.community, first.id, 1)
    history.add("a grant that stands on a post", anna.pen("office").write("credit.grant", grant),
                "reject shape")  # fmt: skip
    early = Member.create(history.community, "early")
    history.join(early)
    opened = early.start("social")
    history.add("no prev, an auth that waits", Member(
        history.community, "early", "early tablet", [], auth=fill("auth")).start("social"),
        "defer")  # fmt: skip
    history.add("a lane of its own", opened)
    return history


def post_of(pen: Pen, text: str, *, room: str = "마당", keep: bool = True) -> Made:
    """`post.put`."""
    body = PostPut(language=None, reply_to=None, room=room, salt=salt(text), text=text)
    return pen.write("post.put", body, keep=keep)


def talk() -> History:
    """Posts, edits and deletions in any order; what is erased shows the same as what never came."""
    history, _, bora, chen = setting("talk")
    history.add("bora: social.open", bora.start("social"))
    history.add("chen: social.open", chen.start("social"))
    pen, other = bora.pen("social"), chen.pen("social")
    profile = ProfileSet(about="", languages=["ko"], name="보라", region=None, salt=salt("p"))
    history.add("profile", pen.write("profile.set", profile))
    apply_ = MemberApply(chapter="Seoul", invite=None, salt=salt("a"), text="받아 주세요")
    history.add("application", pen.write("member.apply", apply_))
    kept = history.add("a post", post_of(pen, "kept"))
    gone = history.add("a post to be deleted", post_of(pen, "gone"))
    edit = PostEdit(post=kept.id, salt=salt("e"), text="kept, and better")
    history.add("an edit", pen.write("post.edit", edit))
    foreign = PostDelete(post=kept.id, salt=salt("f"))
    history.add("chen deletes bora's post: nothing", other.write("post.delete", foreign))
    delete = PostDelete(post=gone.id, salt=salt("d"))
    history.add("bora deletes it", pen.write("post.delete", delete))
    late = post_of(other, "late")
    deletion = other.write("post.delete", PostDelete(post=late.id, salt=salt("l")))
    history.add("a deletion before its post waits for the lane", deletion, "defer")
    history.add("the post without its body", late, bodyless=True)
    history.add("the deletion", deletion)
    missing = post_of(other, "missing")
    history.add("a post without its body", missing, bodyless=True)
    history.add("its body comes later", missing, "fills")
    history.add("and again", missing, "known")
    return history


def listing_of(pen: Pen, title: str, of: bytes | None = None, *, paused: bool = False) -> Made:
    """`listing.put`, or a revision of one."""
    body = ListingPut(
        kind="goods", language="en", listing=of, paused=paused, price="ask", region="KR-11",
        salt=salt(title), stock="one", tags=["bread"], text="", title=title, until=None,
    )  # fmt: skip
    return pen.write("listing.put", body)


def market() -> History:
    """Listings, revisions by their author alone, closing for ever."""
    history, _, bora, chen = setting("market")
    history.add("bora: market.open", bora.start("market"))
    history.add("chen: market.open", chen.start("market"))
    pen, other = bora.pen("market"), chen.pen("market")
    bread = history.add("bread", listing_of(pen, "Bread"))
    history.add("better bread", listing_of(pen, "Better bread", bread.id))
    history.add("chen revises it: nothing", listing_of(other, "Stone", bread.id))
    file = PictureFile(fill("file"), "image/webp", 1_000, 640, 480)
    seen = ListingPictures(bread.id, [Picture("a loaf", file, file)], salt("p"))
    history.add("a picture of bread", pen.write("listing.pictures", seen))
    history.add("chen's picture of it: nothing", other.write("listing.pictures", seen))
    cake = history.add("cake", listing_of(pen, "Cake"))
    closing = ListingClose(erase=True, listing=cake.id, salt=salt("c"))
    history.add("cake is sold", pen.write("listing.close", closing))
    history.add("a revision after closing", listing_of(pen, "Late cake", cake.id))
    foreign = ListingClose(erase=True, listing=bread.id, salt=salt("x"))
    history.add("chen closes bread: nothing", other.write("listing.close", foreign))
    review = ReviewPut(commit=fill("commit"), salt=salt("r"), text="soft")
    history.add("a review", pen.write("review.put", review))
    return history


def cut_talk() -> History:
    """Social records beyond a cut are not held, in whatever order they and the cut arrive."""
    history, _, bora, _ = setting("cut talk")
    history.add("social.open", bora.start("social"))
    pen = bora.pen("social")
    first = history.add("first", post_of(pen, "first"))
    fork = pen.copy()
    second, third = post_of(pen, "second"), post_of(pen, "third")
    side = post_of(fork, "side")
    cut = Cut(seq=2, id=second.id)
    history.add("bora revokes the device", revoke(bora, bora.key, social=cut))
    history.add("a post at the cut's seq, the cut not known yet", side)
    history.add("the post at the cut: the other one goes", second)
    history.add("beyond the cut", third, "reject revoked")
    history.add("the other one again", side, "reject revoked")
    history.add("within, held already", first, "known")
    market = bora.start("market")
    history.add("a lane without a cut", market, "reject revoked")
    return history
