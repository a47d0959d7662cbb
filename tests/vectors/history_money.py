"""Histories of lanes that carry others: states that join, refunds over branches, carried limits."""

from node.protocol.account import TradeDecline
from tests.vectors.history import History, accept, claim, decline, propose, release, settle
from tests.vectors.history_lanes import yes_head
from tests.vectors.history_trades import rate, setting
from tests.vectors.world import Made, Member, fill, grant_body


def histories() -> list[History]:
    """All of them."""
    return [
        strongest(),
        steps_over_a_carry(),
        heads_below_heads(),
        void_heads(),
        across_chapters(),
        refund_on_another_branch(),
        refund_to_another_lane(),
        refund_cap(),
        idle_grants(),
        stale_over_carry(),
        many_heads(),
    ]


def carrying(history: History, member: Member, device: str, *heads: bytes) -> Member:
    """A further device of the member, whose account lane carries these heads."""
    made, new = member.second_device(device)
    history.add(f"{member.name} adds {device}", made)
    history.opens(new, carry=list(heads))
    return new


def strongest() -> History:
    """Two branches settle and release the same trades; a lane that carries both joins them."""
    history, anna, bora, chen = setting("strongest status wins")
    trades: list[Made] = []
    for amount in (300, 200, 100, 50):
        trades.append(history.add(f"bora proposes {amount}", propose(bora, chen, amount, bora)))
    yes = [history.add(f"chen accepts {n}", accept(chen, made)) for n, made in enumerate(trades)]
    twin = bora.twin()
    history.add("left settles 300", settle(bora, yes[0]))
    last_left = history.add("left releases 200", release(bora, trades[1]))
    history.sums(last_left, 0, 450)
    history.add("right releases 300", release(twin, trades[0]))
    history.add("right settles 200", settle(twin, yes[1]))
    last_right = history.add("right releases 100", release(twin, trades[2]))
    history.sums(last_right, 0, 250)
    new = carrying(history, bora, "bora joined", last_left.id, last_right.id)
    history.sums_at(new.open, 0, 550)
    history.grants(anna, new, 1_000)
    history.add("300 is paid", release(new, trades[0]), "void trade-state")
    history.add("200 is paid", settle(new, yes[1]), "void trade-state")
    history.add("100 is released", settle(new, yes[2]), "void trade-state")
    history.add("100 is released once", release(new, trades[2]), "void trade-state")
    history.sums(history.add("50 is still reserved", release(new, trades[3])), 0, 500)
    history.add("501 more", propose(new, chen, 501, new), "void over-limit")
    history.add("500 more", propose(new, chen, 500, new))
    return history


def steps_over_a_carry() -> History:
    """Each step on a lane that carries another: by the other's state, but debits on this one."""
    history, anna, bora, chen = setting("steps over a carry")
    said = [history.add(f"chen proposes {n}", propose(chen, bora, n, chen)) for n in (1, 2, 3, 4)]
    history.add("the old lane accepts 1", accept(bora, said[0]))
    history.add("the old lane declines 2", decline(bora, said[1]))
    mine = [history.add(f"bora proposes {n}", propose(bora, chen, n, bora)) for n in (10, 20)]
    yes = [history.add(f"chen accepts {n}", accept(chen, made)) for n, made in enumerate(mine)]
    history.add("the old lane releases 10", release(bora, mine[0]))
    bills = [history.add(f"chen invoices {n}", propose(bora, chen, n, chen)) for n in (100, 200)]
    own = history.add("bora invoices 5", propose(chen, bora, 5, bora))
    paid = history.trade("chen pays bora", chen, bora, 7)
    history.add("the old lane rates", rate(bora, paid, 5))
    new = carrying(history, bora, "bora new device", yes_head(bora))
    history.grants(anna, new, 1_000)
    history.sums_at(new.open, 0, 20)
    for name, made in (
        ("accepted there", accept(new, said[0])),
        ("declined there", accept(new, said[1])),
        ("accepted there, not declined", decline(new, said[0])),
        ("declined there, not twice", decline(new, said[1])),
        ("released there, not settled", settle(new, yes[0])),
        ("released there, not twice", release(new, mine[0])),
        ("an invoice to the old lane is paid by the old lane", accept(new, bills[0], new.grant)),
        ("her own invoice", decline(new, own)),
        ("her own invoice, accepted", accept(new, own, new.grant)),
    ):
        history.add(name, made, "void trade-state")
    history.add("rated there", rate(new, paid, 1), "void rating")
    history.add("chen's third is accepted here", accept(new, said[2]))
    history.add("chen's fourth is declined here", decline(new, said[3]))
    history.add("an invoice to the old lane is declined here", decline(new, bills[1]))
    history.sums(history.add("the old lane's 20 is released here", release(new, mine[1])), 0, 0)
    stranger = propose(new, chen, 1, new, payer_lane=bora.open)
    history.add("a proposal in the old lane's name", stranger, "void parties")
    as_payee = propose(chen, new, 1, new, payee_lane=bora.open)
    history.add("an invoice in the old lane's name", as_payee, "void parties")
    history.sums(history.add("what the old lane earned", claim(new, paid)), 7, 0)
    history.add("the old lane pays the invoice itself", accept(bora, bills[0], bora.grant))
    return history


def heads_below_heads() -> History:
    """A lane that carries a lane that carries a lane answers for all three."""
    history, anna, bora, chen = setting("heads below heads")
    earned = history.trade("chen pays bora's first lane", chen, bora, 300)
    later = history.trade("chen pays it again", chen, bora, 40)
    history.add("the first lane claims", claim(bora, earned))
    held = history.add("the first lane proposes 500", propose(bora, chen, 500, bora))
    yes = history.add("chen accepts", accept(chen, held))
    waiting = history.add("chen proposes 9", propose(chen, bora, 9, chen))
    second = carrying(history, bora, "bora second", yes_head(bora))
    history.grants(anna, second, 1_000)
    history.add("the second lane pays 200", propose(second, chen, 200, second))
    third = carrying(history, bora, "bora third", yes_head(second))
    history.sums_at(third.open, 300, 700)
    history.grants(anna, third, 1_000)
    history.add("claimed on the first lane", claim(third, earned), "void claim-bad")
    history.sums(history.add("claimed on the third", claim(third, later)), 340, 700)
    history.add("settled on the third", settle(third, yes))
    history.add("accepted on the third", accept(third, waiting))
    history.add("641", propose(third, chen, 641, third), "void over-limit")
    history.add("640", propose(third, chen, 640, third))
    fourth = carrying(history, bora, "bora fourth", yes_head(third), bora.open, second.open)
    history.sums_at(fourth.open, 340, 1_340)
    return history


def void_heads() -> History:
    """A void record has the state of its prev and may be carried; one after a void open may not."""
    history, anna, bora, chen = setting("void heads")
    history.add("bora proposes 600", propose(bora, chen, 600, bora))
    void = history.add("and 500 too much", propose(bora, chen, 500, bora), "void over-limit")
    new = carrying(history, bora, "bora new device", void.id)
    history.sums_at(new.open, 0, 600)
    history.grants(anna, new, 1_000)
    history.add("401", propose(new, chen, 401, new), "void over-limit")
    history.add("400", propose(new, chen, 400, new))
    made, lost = bora.second_device("bora lost device")
    history.add("bora adds a device", made)
    history.add("it carries a grant", lost.start_account([bora.grant]), "void carry")
    after = propose(lost, chen, 1, lost, grant=None)
    history.add("a record after its void open", after, "void no-open")
    for name, head in (("the void open", lost.open), ("what follows it", after.id)):
        made, other = bora.second_device(f"bora carrying {name}")
        history.add(f"a device to carry {name}", made)
        history.add(f"an open that carries {name}", other.start_account([head]), "void carry")
    made, other = bora.second_device("bora carrying both")
    history.add("one more device", made)
    both = other.start_account([new.open, lost.open])
    history.add("one bad head is enough", both, "void carry")
    return history


def across_chapters() -> History:
    """A lane may carry one of another chapter: its claims and debts are those of both."""
    history, anna, bora, chen = setting("carried across chapters")
    paid = history.trade("chen pays bora in Seoul", chen, bora, 300)
    history.add("bora claims in Seoul", claim(bora, paid))
    history.add("bora reserves 100 in Seoul", propose(bora, chen, 100, bora))
    made, away = bora.second_device("bora in Toronto")
    history.add("bora adds a device", made)
    history.add("it opens in Toronto", away.start_account([yes_head(bora)], chapter=1))
    history.sums_at(away.open, 300, 100)
    made, shop = chen.second_device("chen in Toronto")
    history.add("chen adds a device", made)
    history.add("chen opens in Toronto", shop.start_account(chapter=1))
    body = grant_body(history.community, away.open, 0, chapter=1)
    made = history.add("a limit of 0", anna.pen("office").write("credit.grant", body))
    away.grant = made.id
    history.add("201", propose(away, shop, 201, away), "void over-limit")
    bill = history.add("chen invoices 200 in Toronto", propose(away, shop, 200, shop))
    history.sums(history.add("bora pays", accept(away, bill, away.grant)), 300, 300)
    return history


def refund_on_another_branch() -> History:
    """Claiming a refund where the refunded trade is absent, or released, makes it paid there."""
    history, _, bora, chen = setting("a refund on another branch")
    first = history.add("bora proposes 400", propose(bora, chen, 400, bora))
    yes = history.add("chen accepts", accept(chen, first))
    twin, third = bora.twin(), bora.twin()
    settled = history.add("the left branch settles", settle(bora, yes)).id
    other = history.trade("the left branch pays 500", bora, chen, 500)
    backs: list[Made] = []
    for commit, amount in ((settled, 150), (other.id, 200), (other.id, 30)):
        bill = propose(chen, bora, amount, bora, refunds=commit)
        history.add(f"bora asks for {amount} back", bill)
        paid = accept(chen, bill, chen.grant)
        backs.append(history.add(f"chen gives {amount} back", paid))
    history.sums(history.add("left claims 200", claim(bora, backs[1])), 200, 900)
    history.sums(history.add("right releases 400", release(twin, first)), 0, 0)
    history.sums(history.add("right claims 150: 400 is paid", claim(twin, backs[0])), 150, 400)
    history.add("so it is not reserved", release(twin, first), "void trade-state")
    history.sums(history.add("right claims 200: 500 too", claim(twin, backs[1])), 350, 900)
    history.sums(history.add("right claims 30: paid already", claim(twin, backs[2])), 380, 900)
    history.add("right may spend 480", propose(twin, chen, 481, twin), "void over-limit")
    history.add("and does", propose(twin, chen, 480, twin))
    both = claim(third, backs[1], backs[2])
    history.sums(history.add("a third branch claims 200 and 30 at once", both), 230, 900)
    history.sums(history.add("and 150, still reserved", claim(third, backs[0])), 380, 900)
    history.add("now it is paid", settle(third, yes), "void trade-state")
    return history


def refund_to_another_lane() -> History:
    """A refund between other lanes of the same members moves only the lanes that it names."""
    history, anna, bora, chen = setting("a refund to another lane")
    offered = history.add("bora proposes 500", propose(bora, chen, 500, bora))
    yes = history.add("chen accepts", accept(chen, offered))
    before = yes_head(bora)
    commit = history.add("bora settles", settle(bora, yes))
    away = carrying(history, bora, "bora elsewhere")
    shop = carrying(history, chen, "chen elsewhere")
    history.grants(anna, shop, 1_000)
    refund = propose(shop, away, 200, shop, refunds=commit.id)
    history.add("chen's other lane gives 200 back to bora's other lane", refund)
    yes = history.add("bora's other lane accepts", accept(away, refund))
    back = history.add("chen's other lane settles", settle(shop, yes))
    more = propose(shop, away, 301, shop, refunds=commit.id)
    history.add("301 more is too much", more, "void refund-exceeds")
    history.add("chen's first lane does not know", propose(chen, bora, 500, chen,
                refunds=commit.id))  # fmt: skip
    history.add("the first lane cannot claim it", claim(bora, back), "void claim-bad")
    claimed = history.add("the other lane claims", claim(away, back))
    history.sums(claimed, 200, 0)
    joined = carrying(history, bora, "bora joined", before, claimed.id)
    history.sums_at(joined.open, 200, 500)
    history.add("reserved on one path, paid on the other", release(joined, offered),
                "void trade-state")  # fmt: skip
    return history


def refund_cap() -> History:
    """What is refunded of a trade counts together: over its commits and over carried paths."""
    history, anna, bora, chen = setting("the cap of refunds")
    offered = history.add("bora proposes 500", propose(bora, chen, 500, bora))
    yes = history.add("chen accepts", accept(chen, offered))
    twin = bora.twin()
    left = history.add("the left branch settles", settle(bora, yes))
    right = history.add("the right branch settles", settle(twin, yes))
    history.add("chen gives 300 of the left back", propose(chen, bora, 300, chen, refunds=left.id))
    history.add("201 of the right", propose(chen, bora, 201, chen, refunds=right.id),
                "void refund-exceeds")  # fmt: skip
    new = carrying(history, chen, "chen new device", yes_head(chen))
    history.grants(anna, new, 1_000)
    history.add("201 on a lane that carries it", propose(new, bora, 201, new, refunds=right.id),
                "void refund-exceeds")  # fmt: skip
    rest = history.add("200 there", propose(new, bora, 200, new, refunds=right.id))
    history.add("1 more", propose(new, bora, 1, new, refunds=left.id), "void refund-exceeds")
    history.add("the 200 are released", release(new, rest))
    history.add("200 again", propose(new, bora, 200, new, refunds=left.id))
    hours = propose(bora, chen, 10, bora, unit="hours", grant=None)
    history.add("bora's right branch is elsewhere", propose(twin, chen, 1, twin))
    offered = history.add("bora proposes ten hours", hours)
    yes = history.add("chen accepts the hours", accept(chen, offered))
    done = history.add("bora settles the hours", settle(bora, yes))
    back = {"refunds": done.id, "unit": "hours", "grant": None}
    history.add("eleven hours back", propose(chen, bora, 11, chen, **back), "void refund-exceeds")
    history.add("ten hours back", propose(chen, bora, 10, chen, **back))
    history.add("one more hour", propose(chen, bora, 1, chen, **back), "void refund-exceeds")
    return history


def idle_grants() -> History:
    """`grant` is looked at by a debit in credit alone; what it names must be held all the same."""
    history, _, bora, chen = setting("grants that nothing rests on")
    bill = history.add("an invoice that names an open as grant", propose(bora, chen, 5, chen,
                       grant=bora.open))  # fmt: skip
    history.add("it is paid by its payer's grant", accept(bora, bill, bora.grant))
    unknown = propose(bora, chen, 5, chen, grant=fill("grant"), keep=False)
    history.add("an invoice that names what nobody has", unknown, "defer")
    hours = propose(bora, chen, 5, bora, unit="hours", grant=chen.grant)
    given = history.add("hours that name another's grant", hours)
    history.add("a payee's acceptance that names one", accept(chen, given, chen.open))
    history.sums_at(yes_head(bora), 0, 5)
    return history


def stale_over_carry() -> History:
    """Serial and limit start anew at each open, also where the carried lane used a later grant."""
    history, anna, bora, chen = setting("serials start anew")
    body = grant_body(history.community, bora.open, 900, supersedes=[bora.grant])
    second = history.add("a second grant", anna.pen("office").write("credit.grant", body))
    history.add("used", propose(bora, chen, 100, bora, grant=second.id))
    history.add("the first is stale now", propose(bora, chen, 1, bora), "void grant-stale")
    new = carrying(history, bora, "bora new device", yes_head(bora))
    history.grants(anna, new, 500)
    history.add("a first grant serves on the new lane", propose(new, chen, 400, new))
    history.add("with its own limit", propose(new, chen, 1, new), "void over-limit")
    return history


def many_heads() -> History:
    """256 heads below an open are right, 257 are too many."""
    history, _, bora, chen = setting("many heads")
    pen = bora.pen("account").copy()
    heads: list[bytes] = []
    for number in range(249):
        bora.pens["account"] = pen.copy()
        made = bora.pen("account").write("trade.decline", TradeDecline(propose=chen.open))
        heads.append(history.add(f"branch {number}", made, "void propose-void").id)
    made, device = bora.second_device("bora collecting")
    history.add("bora adds a device", made)
    opens: list[bytes] = []
    for start in range(0, 249, 32):
        made = device.start_account(heads[start : start + 32])
        opens.append(history.add(f"an open that carries from {start}", made).id)
    full = device.start_account([*opens[:7], *heads[224:]])
    history.add("256 heads", full)
    history.add("257 heads", device.start_account(opens), "void carry")
    return history
