"""Histories of trades on honest lanes: every step of the transition table and its void codes."""

from node.protocol.account import AccountOpen, RatingGive
from tests.vectors import worked
from tests.vectors.history import (
    History,
    accept,
    claim,
    decline,
    propose,
    release,
    settle,
)
from tests.vectors.world import Keys, Made, Member, Pen, fill, grant_body, one_chapter


def histories() -> list[History]:
    """All of them."""
    return [
        worked_example(),
        proposals(),
        limits_(),
        opens_and_parties(),
        refunds(),
        other_units(),
        ratings(),
    ]


def setting(name: str, *, limit: int = 1_000) -> tuple[History, Member, Member, Member]:
    """Anna, officer with an account and the limit; Bora and Chen with the same."""
    community = one_chapter(name, ["anna"])
    history = History(name, community)
    anna, bora, chen = (Member.create(community, who) for who in ("anna", "bora", "chen"))
    history.join(anna, bora, chen)
    history.officer(anna)
    for member in (anna, bora, chen):
        history.opens(member)
        history.grants(anna, member, limit)
    return history, anna, bora, chen


def worked_example() -> History:
    """The document's own example."""
    story = worked.story()
    history = History("the worked example", story.community)
    for name, made in story.made:
        history.add(name, made)
    return history


def proposals() -> History:
    """Propose, accept, settle, release, decline; and steps that do not follow."""
    history, _, bora, chen = setting("proposals")
    first = history.add("bora proposes 400", propose(bora, chen, 400, bora))
    history.add("bora accepts her own", accept(bora, first), "void trade-state")
    history.add("chen settles", settle(chen, first), "void trade-state")
    yes = history.add("chen accepts", accept(chen, first))
    history.add("chen accepts again", accept(chen, first), "void trade-state")
    history.add("chen declines after accepting", decline(chen, first), "void trade-state")
    history.add("chen claims too early", claim(chen, yes), "void claim-bad")
    paid = history.add("bora settles", settle(bora, yes))
    history.add("bora settles again", settle(bora, yes), "void trade-state")
    history.add("bora releases after settling", release(bora, first), "void trade-state")
    history.add("bora claims what chen earned", claim(bora, paid), "void claim-bad")
    history.add("chen claims", claim(chen, paid))
    history.add("chen claims again", claim(chen, paid), "void claim-bad")
    second = history.add("bora proposes 600", propose(bora, chen, 600, bora))
    late = history.add("chen accepts 600", accept(chen, second))
    history.add("chen releases", release(chen, second), "void trade-state")
    history.add("bora releases 600", release(bora, second))
    history.add("bora settles after releasing", settle(bora, late), "void trade-state")
    history.add("bora releases again", release(bora, second), "void trade-state")
    third = history.add("bora proposes 10", propose(bora, chen, 10, bora))
    history.add("chen declines", decline(chen, third))
    history.add("chen accepts after declining", accept(chen, third), "void trade-state")
    history.add("bora declines her own", decline(bora, third), "void trade-state")
    fourth = history.add("chen invoices 20", propose(bora, chen, 20, chen))
    history.add("chen accepts his own invoice", accept(chen, fourth), "void trade-state")
    history.add("chen releases his invoice", release(chen, fourth), "void trade-state")
    history.add("bora declines the invoice", decline(bora, fourth))
    history.add("bora pays after declining", accept(bora, fourth, bora.grant), "void trade-state")
    history.add("bora accepts what is no proposal", accept(bora, yes), "void propose-void")
    history.add("bora declines what is no proposal", decline(bora, yes), "void propose-void")
    return history


def limits_() -> History:
    """DEBIT at the limit and beyond; grants missing, of another lane, stale."""
    history, anna, bora, chen = setting("limits", limit=1_000)
    history.add("one over the limit", propose(bora, chen, 1_001, bora), "void over-limit")
    exact = history.add("exactly the limit", propose(bora, chen, 1_000, bora))
    history.add("one more", propose(bora, chen, 1, bora), "void over-limit")
    void = history.add("without a grant", propose(bora, chen, 1, bora, grant=None), "void grant")
    history.add("chen accepts a void one", accept(chen, void), "void propose-void")
    named = propose(bora, chen, 1, bora, grant=bora.open)
    history.add("an open in place of the grant", named, "void grant")
    other = propose(bora, chen, 1, bora, grant=chen.grant)
    history.add("the grant of chen's lane", other, "void grant-lane")
    history.add("release", release(bora, exact))
    body = grant_body(history.community, bora.open, 300, supersedes=[bora.grant])
    lower = history.add("lower grant", anna.pen("office").write("credit.grant", body))
    history.add("the old grant still serves", propose(bora, chen, 500, bora))
    over = propose(bora, chen, 1, bora, grant=lower.id)
    history.add("under the lower one it is too much", over, "void over-limit")
    body = grant_body(history.community, bora.open, 2_000, supersedes=[lower.id])
    higher = history.add("higher grant", anna.pen("office").write("credit.grant", body))
    history.add("the higher one serves", propose(bora, chen, 1_500, bora, grant=higher.id))
    stale = propose(bora, chen, 1, bora)
    history.add("back to the first grant", stale, "void grant-stale")
    commit = history.trade("chen pays bora", chen, bora, 700)
    history.add("not claimed, not spendable", propose(bora, chen, 1, bora, grant=higher.id),
                "void over-limit")  # fmt: skip
    history.add("bora claims", claim(bora, commit))
    history.add("claimed, spendable", propose(bora, chen, 700, bora, grant=higher.id))
    history.add("and no more", propose(bora, chen, 1, bora, grant=higher.id), "void over-limit")
    return history


def opens_and_parties() -> History:
    """Opens that are void, lanes that do not fit a trade, and records that come too early."""
    history, anna, bora, chen = setting("opens and parties")
    voided = anna
    for name, chapter, q, witnesses, code in (
        ("of no chapter", "Busan", 0, [], "unknown-chapter"),
        ("quorum without witnesses", "Seoul", 1, [], "quorum"),
        ("half a quorum", "Seoul", 1, [fill("a"), fill("b")], "quorum"),
    ):
        voided = Member.create(history.community, f"dora, {name}")
        history.join(voided)
        voided.start_account()
        pen = Pen(history.community, voided.id, Keys(voided.device))
        voided.pens["account"] = pen
        body = AccountOpen(
            auth=voided.auth, carry=[], chapter=chapter, q=q, witnesses=sorted(witnesses)
        )
        made = history.add(f"open {name}", pen.write("account.open", body), f"void {code}")
        voided.open = made.id
    after = propose(voided, bora, 1, voided, grant=None)
    history.add("a record after a void open", after, "void no-open")
    history.add("bora pays into a void open", propose(bora, voided, 1, bora), "void parties")
    history.add("bora pays herself", propose(bora, bora, 1, bora), "void parties")
    strange = propose(bora, chen, 1, anna)
    history.add("anna proposes for others", strange, "void parties")
    wrong = propose(bora, chen, 1, bora, payee_lane=anna.grant)
    history.add("a grant in place of a lane", wrong, "void parties")
    toronto, elsewhere = chen.second_device("chen in Toronto")
    history.add("chen adds a device", toronto)
    history.add("and opens in Toronto", elsewhere.start_account(chapter=1))
    abroad = propose(bora, elsewhere, 1, bora)
    history.add("over the border of a chapter", abroad, "void parties")
    _carries(history, bora, chen)
    return history


def _carries(history: History, bora: Member, chen: Member) -> None:
    """Opens that carry what they may not; records that come before what they name."""
    for name, carried in (("a head of bora", bora.open), ("no account record", chen.grant)):
        made, device = chen.second_device(f"chen, carrying {name}")
        history.add("chen adds another device", made)
        history.add(f"open that carries {name}", device.start_account([carried]), "void carry")
    early = Member.create(history.community, "early")
    history.join(early)
    opened = early.start_account()
    terms = propose(bora, early, 5, bora)
    history.add("a proposal before the payee's lane", terms, "defer")
    history.add("the lane", opened)
    history.add("the proposal again", terms)
    history.add("and once more", terms, "known")


def refunds() -> History:
    """Refunds in parts, too much, to the wrong party; claiming one enters the refunded trade."""
    history, _, bora, chen = setting("refunds")
    commit = history.trade("bora pays chen", bora, chen, 500)
    history.add("chen claims", claim(chen, commit))
    back = {"refunds": commit.id}
    part = history.add("chen gives 200 back", propose(chen, bora, 200, chen, **back))
    yes = history.add("bora accepts", accept(bora, part))
    paid = history.add("chen settles", settle(chen, yes))
    history.add("301 more", propose(chen, bora, 301, chen, **back), "void refund-exceeds")
    rest = history.add("300 more", propose(chen, bora, 300, chen, **back))
    history.add("1 more", propose(chen, bora, 1, chen, **back), "void refund-exceeds")
    history.add("the 300 are released", release(chen, rest))
    invoice = history.add("bora invoices 300", propose(chen, bora, 300, bora, **back))
    history.add("chen pays it", accept(chen, invoice, chen.grant))
    invoice = history.add("bora invoices 1 more", propose(chen, bora, 1, bora, **back))
    history.add("chen pays that", accept(chen, invoice, chen.grant), "void refund-exceeds")
    history.add("bora refunds her own payment", propose(bora, chen, 5, bora, **back),
                "void refund-terms")  # fmt: skip
    hours = propose(chen, bora, 5, chen, unit="hours", **back)
    history.add("refund in another unit", hours, "void refund-terms")
    history.add("refund of an acceptance", propose(chen, bora, 5, chen, refunds=yes.id),
                "void refund-terms")  # fmt: skip
    history.add("bora claims the first part", claim(bora, paid))
    return history


def other_units() -> History:
    """Hours and gifts run the same table without limits and cannot be claimed."""
    history, _, bora, chen = setting("other units", limit=0)
    many = propose(bora, chen, 2**40, bora, unit="hours", grant=None)
    first = history.add("bora proposes very many hours", many)
    yes = history.add("chen accepts", accept(chen, first))
    paid = history.add("bora settles", settle(bora, yes))
    history.add("chen claims hours", claim(chen, paid), "void claim-bad")
    invoice = history.add("chen invoices euros", propose(bora, chen, 3, chen, unit="EUR"))
    history.add("bora pays without a grant", accept(bora, invoice))
    history.add("credit has a limit of 0", propose(bora, chen, 1, bora), "void over-limit")
    return history


def rate(by: Member, commit: Made, stars: int) -> Made:
    """`rating.give` by a member."""
    body = RatingGive(commit=commit.id, review=None, stars=stars)
    return by.pen("account").write("rating.give", body)


def ratings() -> History:
    """Each party rates once."""
    history, anna, bora, chen = setting("ratings")
    commit = history.trade("bora pays chen", bora, chen, 5)
    history.add("chen rates", rate(chen, commit, 5))
    history.add("bora rates", rate(bora, commit, 4))
    history.add("bora rates again", rate(bora, commit, 1), "void rating")
    history.add("anna rates", rate(anna, commit, 1), "void rating")
    offered = history.add("chen invoices", propose(bora, chen, 5, chen))
    history.add("bora rates a proposal", rate(bora, offered, 1), "void rating")
    return history


__all__ = ["histories", "rate", "setting"]
