"""Histories of lanes that fork, are carried, cut and stamped: what honest nodes agree on then."""

from node.protocol.identity import Cut, DeviceRevoke
from node.protocol.office import WitnessStamp
from tests.vectors.history import History, accept, claim, propose, settle
from tests.vectors.history_trades import setting
from tests.vectors.world import Keys, Made, Member, Pen, one_chapter

WITNESSES = ["w1", "w2", "w3", "w4"]


def histories() -> list[History]:
    """All of them."""
    return [
        forked(),
        forked_at_the_start(),
        carried(),
        carried_twice(),
        contested(),
        cut_further(),
        open_cut(),
        stamped(),
    ]


def forked() -> History:
    """Bora spends her limit twice, on two branches; both sides of each trade count."""
    history, _, bora, chen = setting("a fork")
    twin = bora.twin()
    left = history.trade("left branch", bora, chen, 1_000)
    right = history.trade("right branch", twin, chen, 1_000)
    history.add("chen claims both", claim(chen, left, right))
    history.add("left branch is empty", propose(bora, chen, 1, bora), "void over-limit")
    offered = history.add("chen invoices once for both", propose(bora, chen, 7, chen))
    back = {"refunds": left.id}
    history.add("chen refunds the left", propose(chen, bora, 300, chen, **back))
    third = twin.twin()
    history.add("declined on one branch", accept(bora, offered, bora.grant), "void over-limit")
    history.add("a longer right branch", propose(twin, chen, 1, twin), "void over-limit")
    history.add("and a third one", propose(third, chen, 2, third), "void over-limit")
    return history


def forked_at_the_start() -> History:
    """Two opens at seq 0 of one lane: each path answers for its own open."""
    history, anna, bora, chen = setting("a fork at the start")
    again = bora.twin()
    again.open, again.grant = b"", b""
    history.opens(again)
    history.grants(anna, again, 50)
    stolen = propose(again, chen, 10, again, grant=bora.grant)
    history.add("a grant of the other open", stolen, "void grant-lane")
    history.trade("by the second open", again, chen, 50)
    history.trade("by the first open", bora, chen, 1_000)
    return history


def carried() -> History:
    """A new device carries the old lane: claims and debts come along, the old grant does not."""
    history, anna, bora, chen = setting("carried")
    earned = history.trade("chen pays bora", chen, bora, 300)
    history.add("bora claims", claim(bora, earned))
    later = history.trade("chen pays bora again", chen, bora, 40)
    held = history.add("bora proposes 900", propose(bora, chen, 900, bora))
    yes = history.add("chen accepts", accept(chen, held))
    made, new = bora.second_device("bora new device")
    history.add("bora adds a device", made)
    history.opens(new, carry=[yes_head(bora)])
    old = propose(new, chen, 1, new, grant=bora.grant)
    history.add("the old lane's grant", old, "void grant-lane")
    history.grants(anna, new, 1_000)
    history.add("400 is what is left", propose(new, chen, 401, new), "void over-limit")
    history.add("the whole of it", propose(new, chen, 400, new))
    history.add("claimed already", claim(new, earned), "void claim-bad")
    history.add("claimed on the new lane", claim(new, later))
    history.add("settled on the new lane", settle(new, yes))
    history.add("and on the old one: beyond the carried head", settle(bora, yes))
    return history


def yes_head(member: Member) -> bytes:
    """The head of the member's account lane as its pen knows it."""
    head = member.pen("account").prev
    assert head is not None
    return head


def carried_twice() -> History:
    """Two new devices carry one old lane, and both move."""
    history, anna, bora, chen = setting("carried twice")
    head = yes_head(bora)
    devices: list[Member] = []
    for name in ("bora left", "bora right"):
        made, device = bora.second_device(name)
        history.add(f"bora adds {name}", made)
        history.opens(device, carry=[head])
        history.grants(anna, device, 100)
        devices.append(device)
    history.trade("left pays", devices[0], chen, 100)
    history.trade("right pays", devices[1], chen, 100)
    made, last = bora.second_device("bora joined")
    history.add("bora adds one more", made)
    history.opens(last, carry=[yes_head(devices[0]), yes_head(devices[1]), head])
    history.grants(anna, last, 200)
    history.add("the debts of both", propose(last, chen, 1, last), "void over-limit")
    return history


def revoke(member: Member, device: bytes, **cuts: Cut | str) -> Made:
    """`device.revoke` of a device."""
    body = DeviceRevoke(cuts=cuts, key=device)  # type: ignore[arg-type]
    return member.pen("identity").write("device.revoke", body)


def contested() -> History:
    """A stolen device pays on: a cut contests what lies beyond it, and the refund of that."""
    return _stolen("contested")[0]


def _stolen(name: str) -> tuple[History, Member, Made]:
    history, _, bora, chen = setting(name)
    history.trade("honest", bora, chen, 100)
    honest = Cut(seq=bora.pen("account").seq - 1, id=yes_head(bora))
    commit = history.trade("by the thief", bora, chen, 500)
    refund = propose(chen, bora, 200, chen, refunds=commit.id)
    offered = history.add("chen gives some back", refund)
    made, new = bora.second_device("bora safe device")
    history.add("bora adds a device", made)
    history.add("bora revokes the stolen one", revoke(bora, bora.key, account=honest))
    yes = history.add("the thief accepts the refund", accept(bora, offered))
    history.add("chen settles the refund", settle(chen, yes))
    history.opens(new, carry=[honest.id])
    history.add("revoked before it was added", revoke(chen, Keys("nobody").public))
    return history, bora, commit


def cut_further() -> History:
    """As before; a second revocation of the same device moves the cut, and all counts again."""
    history, bora, commit = _stolen("cut further")
    history.add("up to here it was me", revoke(bora, bora.key, account=Cut(seq=2, id=commit.id)))
    return history


def open_cut() -> History:
    """A revocation with an open cut contests nothing; one without a cut contests everything."""
    history, _, bora, chen = setting("open cut")
    history.trade("bora pays chen", bora, chen, 100)
    history.trade("chen pays bora", chen, bora, 30)
    history.add("bora retires her device", revoke(bora, bora.key, account="open"))
    history.add("chen loses everything", revoke(chen, chen.key, social="open"))
    return history


def stamp(witness: Pen, member: Member, head: bytes, *, keep: bool = True) -> Made:
    """`witness.stamp` over a head of the member's lane."""
    body = WitnessStamp(head=head, open=member.open)
    return witness.write("witness.stamp", body, keep=keep)


def stamped() -> History:
    """With four witnesses and q = 3: claims need stamps, stamps make contested payments final."""
    keys = [f"{name} device" for name in WITNESSES]
    community = one_chapter("Stamped", ["anna"], witnesses=keys, q=3)
    history = History("stamped", community)
    anna, bora, chen = (Member.create(community, who) for who in ("anna", "bora", "chen"))
    witnesses = [Member.create(community, name) for name in WITNESSES]
    history.join(anna, bora, chen, *witnesses)
    history.officer(anna)
    for member in (bora, chen):
        history.opens(member)
        history.grants(anna, member, 1_000)
    for witness in witnesses:
        history.add(f"{witness.name}: witness.open", witness.start("witness"))
    pens = [witness.pen("witness") for witness in witnesses]
    before = yes_head(bora)
    commit = history.trade("bora pays chen", bora, chen, 600)
    history.add("chen claims without stamps", claim(chen, commit), "void claim-unsecured")
    first = [history.add("w1 stamps", stamp(pens[0], bora, commit.id)),
             history.add("w2 stamps", stamp(pens[1], bora, commit.id))]  # fmt: skip
    early = history.add("w3 stamps what was before", stamp(pens[2], bora, before))
    named = [*first, early]
    history.add("two are not enough", claim(chen, commit, stamps=named), "void claim-unsecured")
    history.add("no account head", stamp(pens[3], bora, bora.auth), "void stamp")
    history.add("another lane's open", stamp(pens[3], chen, commit.id), "void stamp")
    honest = Cut(seq=0, id=before)
    history.add("bora revokes her device", revoke(bora, bora.key, account=honest))
    third = history.add("w3 stamps the commit: it is final", stamp(pens[2], bora, commit.id))
    history.add("chen claims", claim(chen, commit, stamps=[*first, third]))
    history.add("chen claims again", claim(chen, commit, stamps=[*first, third]), "void claim-bad")
    return history
