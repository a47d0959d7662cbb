"""The worked example of docs/protocol.md: from a genesis document to a paid invoice."""

from dataclasses import dataclass

from node.protocol import portable
from node.protocol.account import AccountClaim, ClaimItem, TradeAccept, TradePropose
from node.protocol.office import MemberAct
from tests.vectors.world import Community, Made, Member, grant_body, one_chapter, salt

ORDER = "쌀 10 kg".encode()
ORDER_SALT = salt("order")
AMOUNT = 1_250


@dataclass(frozen=True)
class Story:
    """The example's community, members, and records in order with their names."""

    community: Community
    anna: Member
    bora: Member
    made: list[tuple[str, Made]]


def story() -> Story:
    """Anna, an officer, admits Bora and grants her a limit; Bora pays Anna's invoice."""
    community = one_chapter("Example", ["anna"])
    anna, bora = Member.create(community, "anna"), Member.create(community, "bora")
    made = [
        ("identity.create of Anna", anna.first[0]),
        ("device.add of Anna", anna.first[1]),
        ("account.open of Anna", anna.start_account()),
        ("office.open", anna.start("office")),
        ("identity.create", bora.first[0]),
        ("device.add", bora.first[1]),
        ("account.open", bora.start_account()),
    ]
    admit = MemberAct(
        application=None,
        approvals=[],
        chapter="Seoul",
        list=community.id,
        member=bora.id,
        supersedes=[],
    )
    made.append(("member.admit", anna.pen("office").write("member.admit", admit)))
    grant = anna.pen("office").write("credit.grant", grant_body(community, bora.open, 5_000))
    made.append(("credit.grant", grant))
    terms = TradePropose(
        amount=AMOUNT,
        grant=None,
        order_hash=portable.order_hash(ORDER_SALT, ORDER),
        payee_lane=anna.open,
        payer_lane=bora.open,
        refunds=None,
        unit="credit",
        valid_until=None,
    )
    propose = anna.pen("account").write("trade.propose", terms)
    accept = bora.pen("account").write(
        "trade.accept", TradeAccept(grant=grant.id, propose=propose.id)
    )
    claim = AccountClaim(items=[ClaimItem(commit=accept.id, stamps=[])])
    made += [
        ("trade.propose", propose),
        ("trade.accept", accept),
        ("account.claim", anna.pen("account").write("account.claim", claim)),
    ]
    return Story(community, anna, bora, made)
