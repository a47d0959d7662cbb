"""Who lives in a simulated community: keys, founding document, first records.

Rules: everything follows from names; the first records (identities, devices, applications,
accounts, admissions, limits) are the same for all seeds of one kind of town, so they are made and
folded once and copied for each seed.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import msgspec
from nacl.signing import SigningKey

from node.protocol import crypto, genesis, lanes, record
from node.protocol.account import AccountOpen
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.identity import DEVICE_SCOPES, DeviceAdd, IdentityCreate, Lane, proof_text
from node.protocol.office import CreditGrant, MemberAct, OfficeApprove, act_hash
from node.protocol.ports import Reader
from node.protocol.record import LANE_OF_KIND, OPENING_KIND, RawRecord
from node.protocol.shapes import Body, CommunityId
from node.protocol.social import LaneOpen, MemberApply
from node.protocol.state import DictState
from node.views import identities
from node.views.members import Rules
from simulator.store import Store

CHAPTER: Final = "town"
LIMIT: Final = 100  # small, so that it binds
LIMIT_MAX: Final = 400
SALT: Final = bytes(16)
QUORUMS: Final = ((0, 0), (3, 2), (4, 3))
OFFICERS: Final = (0, 1, 2)  # by node number; k of them act together


def key_of(name: str) -> SigningKey:
    """The key that belongs to a name."""
    return SigningKey(hashlib.sha256(b"simulated " + name.encode()).digest())


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of town: number of nodes, of witnesses, quorum, officers that an act needs."""

    nodes: int
    witnesses: int
    q: int
    k: int


@dataclass(slots=True)
class Device:
    """A member's device: its keys. It signs on the lanes that a state shows."""

    name: str
    number: int = 0  # of the device; the first is 0
    time: int = 1_790_000_000_000
    member: bytes = field(init=False)
    key: bytes = field(init=False)
    _signer: SigningKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.member = bytes(key_of(f"{self.name} root").verify_key)
        self._signer = key_of(f"{self.name} device {self.number}")
        self.key = bytes(self._signer.verify_key)

    def lane(self, lane: Lane) -> bytes:
        """Lane key (65 bytes)."""
        signer = self.member if lane == Lane.IDENTITY else self.key
        return self.member + signer + bytes((lane,))

    def sign(
        self, community: CommunityId, body: Body, kind: str, seq: int, prev: bytes | None
    ) -> RawRecord:
        """A record at a place of this device's lane (or of the identity lane, by the root key)."""
        root = LANE_OF_KIND[kind] == Lane.IDENTITY
        signer = key_of(f"{self.name} root") if root else self._signer
        key = self.member if root else self.key
        header, data = record.build(body, kind, self.member, key, seq, prev, self.time)
        message = crypto.record_message(crypto.record_id(community, header))
        return RawRecord(header, data, signer.sign(message).signature)

    def next(self, reader: Reader, community: CommunityId, body: Body, kind: str) -> RawRecord:
        """The next record of a lane as a state shows it; opens the lane where needed is the
        caller's part. The lowest head is built upon."""
        heads = lanes.heads_of(reader, self.lane(LANE_OF_KIND[kind]))
        if not heads:
            assert kind == OPENING_KIND[LANE_OF_KIND[kind]], kind
            return self.sign(community, body, kind, 0, None)
        return self.sign(community, body, kind, heads[0].seq + 1, heads[0].id)

    def add(self, community: CommunityId) -> DeviceAdd:
        """The body that adds this device to its member."""
        text = crypto.WORD_DEVICE_PROOF + proof_text(community, self.member)
        proof = self._signer.sign(text).signature
        return DeviceAdd(key=self.key, proof=proof, scopes=list(DEVICE_SCOPES))

    def auth(self, reader: Reader) -> bytes | None:
        """The `device.add` of this device, or None while it is not added."""
        for key, _ in identities.DEVICE.under(reader, self.member + self.key):
            return key[64:]
        return None


@dataclass(frozen=True, slots=True)
class Town:
    """A community ready to live: rules, devices by node, the state all start with."""

    plan: Plan
    rules: Rules
    devices: tuple[Device, ...]
    start: DictState

    @property
    def chapter(self) -> Chapter:
        """The only chapter."""
        return self.rules.genesis.chapters[0]


def _genesis(plan: Plan, devices: tuple[Device, ...]) -> bytes:
    officers = [devices[n].member for n in OFFICERS if n < plan.nodes]
    chapter = Chapter(
        default_limit=LIMIT,
        k=min(plan.k, len(officers)),
        limit_max=LIMIT_MAX,
        name=CHAPTER,
        officers=officers,
        q=plan.q,
        treasury=None,
        witnesses=[device.key for device in devices[: plan.witnesses]],
    )
    document = Genesis(
        chapters=[chapter],
        languages=["ko"],
        name="simulated",
        rules=1,
        salt=SALT,
        unit=CreditUnit(code="credit", decimals=2),
    )
    return genesis.encode(document)


@cache
def found(plan: Plan) -> Town:
    """A town of this kind, its first records folded."""
    devices = tuple(Device(f"m{n}") for n in range(plan.nodes))
    community, document = genesis.parse(_genesis(plan, devices))
    rules = Rules(community, document)
    store = Store(rules, DictState())
    for device in devices:
        _settle_in(store, community, device, document.chapters[0])
    for device in devices:
        _belong(store, community, device, devices, document.chapters[0])
    return Town(plan, rules, devices, store.state)


def write(store: Store, device: Device, body: Body, kind: str) -> bytes:
    """Sign the next record of a lane, opening it first, and take it in; its id."""
    community = CommunityId(store.rules.community)
    lane = LANE_OF_KIND[kind]
    if not lanes.heads_of(store.state, device.lane(lane)) and kind != OPENING_KIND[lane]:
        auth = device.auth(store.state)
        assert auth is not None
        write(store, device, LaneOpen(auth), OPENING_KIND[lane])
    raw = device.next(store.state, community, body, kind)
    _, faults, new = store.take([raw])
    assert new, (kind, faults)
    return crypto.record_id(community, raw.header)


def _settle_in(store: Store, community: CommunityId, device: Device, chapter: Chapter) -> None:
    write(store, device, IdentityCreate(next=None), "identity.create")
    write(store, device, device.add(community), "device.add")
    apply = MemberApply(chapter=chapter.name, invite=None, salt=SALT, text="")
    write(store, device, apply, "member.apply")
    write(store, device, opening(store.state, device, chapter, ()), "account.open")


def opening(
    reader: Reader, device: Device, chapter: Chapter, carry: tuple[bytes, ...]
) -> AccountOpen:
    """The body of an `account.open`."""
    auth = device.auth(reader)
    assert auth is not None
    return AccountOpen(
        auth=auth,
        carry=sorted(carry),
        chapter=chapter.name,
        q=chapter.q,
        witnesses=sorted(chapter.witnesses),
    )


def _belong(
    store: Store,
    community: CommunityId,
    device: Device,
    devices: tuple[Device, ...],
    chapter: Chapter,
) -> None:
    """Admitted and granted by the first k officers."""
    admit = MemberAct(
        application=None,
        approvals=[],
        chapter=chapter.name,
        list=community,
        member=device.member,
        supersedes=[],
    )
    opened = lanes.heads_of(store.state, device.lane(Lane.ACCOUNT))[0].id
    grant = grant_of(store.rules, opened, LIMIT, ())
    for kind, act in (("member.admit", admit), ("credit.grant", grant)):
        approvals = [
            write(store, devices[n], OfficeApprove(act=act_hash(kind, act)), "office.approve")
            for n in OFFICERS[1 : chapter.k]
        ]
        write(store, devices[0], msgspec.structs.replace(act, approvals=sorted(approvals)), kind)


def grant_of(rules: Rules, opened: bytes, limit: int, supersedes: tuple[bytes, ...]) -> CreditGrant:
    """The body of a grant, without approvals."""
    return CreditGrant(
        approvals=[],
        chapter=rules.genesis.chapters[0].name,
        limit=limit,
        list=rules.community,
        open=opened,
        proof=None,
        supersedes=sorted(supersedes),
    )
