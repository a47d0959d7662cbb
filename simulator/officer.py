"""What officers' programs do: limits, policies, suspensions, together with other officers.

Rules: an act that needs more officers than one is proposed; whoever makes the agreement complete
writes the act. Default limits are granted by the first officer's program, as a duty.
"""

import random
from typing import TYPE_CHECKING, Final

import msgspec

from node.ledger import alerts, positions
from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.errors import OK
from node.protocol.identity import Lane
from node.protocol.office import (
    ChapterPolicy,
    CreditGrant,
    MemberAct,
    OfficeAct,
    OfficeApprove,
    OfficePropose,
    act_content,
    act_hash,
)
from node.views import chapters, identities, members
from simulator.town import LIMIT, LIMIT_MAX, grant_of

if TYPE_CHECKING:
    from simulator.member import Member

SUPERSEDED_MAX_COUNT: Final = 16


def act(member: "Member", chance: random.Random) -> None:
    """An officer agrees to what another proposed, or decides something."""
    rules, state = member.town.rules, member.store.state
    if not members.is_officer(rules, member.device.member, 0):
        return
    asked = [
        one
        for one in chapters.proposals(state, 0, rules)
        if member.device.member not in one.officers
    ]
    if asked:
        one = chance.choice(asked)
        decide(member, one.kind, one.body)
        return
    deeds = (_grant, _grant, _policy, _membership)
    chance.choice(deeds)(member, chance)


def decide(member: "Member", kind: str, body: OfficeAct) -> None:
    """The act, or a proposal that waits for other officers."""
    chapter, state = member.town.chapter, member.store.state
    if isinstance(body, CreditGrant) and lanes.entry_of(state, body.open) is None:
        return  # proposed by somebody who knows an account that has not come here
    agreed = chapters.approvers(state, act_hash(kind, body))
    others = {o: a for o, a in agreed.items() if o != member.device.member}
    if 1 + len(others) >= chapter.k:
        member.write(msgspec.structs.replace(body, approvals=sorted(others.values())), kind)
    elif member.device.member not in agreed:
        member.write(OfficePropose(act_content(kind, body)), "office.propose")
        member.write(OfficeApprove(act_hash(kind, body)), "office.approve")


def _known(member: "Member", subject: bytes) -> list[bytes]:
    """Acts on a subject, which a new one supersedes."""
    known = [one for one, _ in members.acts_on(member.store.state, subject)]
    return sorted(known[:SUPERSEDED_MAX_COUNT])


def _grant(member: "Member", chance: random.Random) -> None:
    state = member.store.state
    device = chance.choice(member.town.devices)
    heads = lanes.heads_of(state, device.lane(Lane.ACCOUNT))
    opened = POSITION.must(state, heads[0].id).open if heads else b""
    if opened:
        limit = chance.choice((LIMIT, LIMIT // 2, 2 * LIMIT, LIMIT_MAX))
        known = tuple(_known(member, opened))
        decide(member, "credit.grant", grant_of(member.town.rules, opened, limit, known))


def _policy(member: "Member", chance: random.Random) -> None:
    body = ChapterPolicy(
        approvals=[],
        chapter=member.town.chapter.name,
        counts=sorted(chance.sample(("hours", "rides"), chance.randrange(3))),
        faith_days=chance.randint(1, 60),
        list=member.town.rules.community,
        mediators=[],
        secured_from=chance.choice((None, 0, LIMIT)),
        supersedes=_known(member, members.policy_subject(0)),
    )
    decide(member, "chapter.policy", body)


def _membership(member: "Member", chance: random.Random) -> None:
    """Somebody is suspended, or comes back."""
    state, rules = member.store.state, member.town.rules
    other = chance.choice(member.town.devices).member
    out = members.membership(state, 0, other, rules) == "suspended"
    body = MemberAct(
        application=None,
        approvals=[],
        chapter=member.town.chapter.name,
        list=rules.community,
        member=other,
        supersedes=_known(member, members.member_subject(0, other)),
    )
    if out or chance.random() < 0.3:
        decide(member, "member.admit" if out else "member.suspend", body)


def duties(member: "Member") -> None:
    """The first officer's program grants the default limit to a member's new lane."""
    rules, state = member.town.rules, member.store.state
    if member.device.member != member.town.chapter.officers[0]:
        return
    for device in member.town.devices:
        for key, _, revoked in identities.devices_of(state, device.member):
            lane = device.member + key + bytes((Lane.ACCOUNT,))
            for head in lanes.heads_of(state, lane):
                opened = POSITION.must(state, head.id).open
                if not revoked and opened and _may_grant(member, opened, lane):
                    decide(member, "credit.grant", grant_of(rules, opened, LIMIT, ()))


def _may_grant(member: "Member", opened: bytes, lane: bytes) -> bool:
    state, rules = member.store.state, member.town.rules
    if next(members.acts_on(state, opened), None) is not None:
        return False
    if alerts.alerts_on(state, lane, rules, 0):
        return False
    entry = lanes.ENTRY.must(state, opened)
    for key, _, _ in identities.devices_of(state, lane[:32]):
        other = lane[:32] + key + bytes((Lane.ACCOUNT,))
        for head in lanes.heads_of(state, other):
            old = POSITION.must(state, head.id).open
            if not old or old == opened:
                continue
            granted = next(members.acts_on(state, old), None) is not None
            if granted and not positions.in_past(state, lanes.ENTRY.must(state, old), opened):
                return False
    return entry.verdict == OK
