"""Deterministic communities, keys and lanes, from which the vectors are written.

Rule: everything follows from names. The seed of a key is the SHA-256 of its name, salts and times
follow from names and counters, so every run of the generator writes the same bytes.
"""

import hashlib
from dataclasses import dataclass, field, replace

from nacl.signing import SigningKey

from node.protocol import crypto, genesis, record
from node.protocol.account import AccountOpen
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.identity import DeviceAdd, IdentityCreate, proof_text
from node.protocol.office import CreditGrant, OfficeAct, OfficeApprove, act_hash
from node.protocol.record import RawRecord
from node.protocol.shapes import Body
from node.protocol.social import LaneOpen

FIRST_TIME_MS = 1_790_000_000_000
SCOPES = ["account", "market", "office", "social", "witness"]


def seed(name: str) -> bytes:
    """Seed of the key of that name, 32 bytes."""
    return hashlib.sha256(f"wetalk vectors: {name}".encode()).digest()


def salt(name: str) -> bytes:
    """A salt of 16 bytes."""
    return seed(f"salt of {name}")[:16]


def fill(name: str) -> bytes:
    """32 bytes that are no key and no id of anything held."""
    return seed(f"fill of {name}")


@dataclass(frozen=True)
class Keys:
    """A signing key by its name."""

    name: str

    @property
    def secret(self) -> SigningKey:
        return SigningKey(seed(self.name))

    @property
    def public(self) -> bytes:
        return bytes(self.secret.verify_key)


@dataclass(frozen=True)
class Made:
    """A record as made: its id and bytes."""

    id: bytes
    raw: RawRecord


@dataclass
class Community:
    """A community: its genesis bytes and id; `ticks` makes times."""

    document: Genesis
    data: bytes = b""
    id: bytes = b""
    ticks: int = 0

    def __post_init__(self) -> None:
        self.data = genesis.encode(self.document)
        self.id = crypto.community_id(self.data)

    def now(self) -> int:
        self.ticks += 1
        return FIRST_TIME_MS + 1000 * self.ticks


@dataclass
class Pen:
    """Writes one lane: keeps seq and prev. A copy of it forks the lane."""

    community: Community
    author: bytes
    keys: Keys
    seq: int = 0
    prev: bytes | None = None

    def write(self, kind: str, body: Body, *, keep: bool = True) -> Made:
        """The next record of the lane; with keep=False the pen stays where it is."""
        header, data = record.build(
            body, kind, self.author, self.keys.public, self.seq, self.prev, self.community.now()
        )
        made = signed(self.community.id, header, data, self.keys)
        if keep:
            self.seq, self.prev = self.seq + 1, made.id
        return made

    def copy(self) -> "Pen":
        return replace(self)


def signed(community: bytes, header: bytes, body: bytes | None, keys: Keys) -> Made:
    """A record with these very header bytes, whatever they say."""
    made = crypto.record_id(community, header)
    signature = keys.secret.sign(crypto.record_message(made)).signature
    return Made(made, RawRecord(header, body, signature))


@dataclass
class Member:
    """A member with one device: pens of the lanes that were opened, and records made so far."""

    community: Community
    name: str
    device: str
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    pens: dict[str, Pen] = field(default_factory=dict)
    first: list[Made] = field(default_factory=list)
    auth: bytes = b""
    open: bytes = b""
    grant: bytes = b""

    @classmethod
    def create(
        cls, community: Community, name: str, *, scopes: list[str] | None = None
    ) -> "Member":
        """A member whose identity lane has `identity.create` and one `device.add`."""
        root = Keys(name)
        pen = Pen(community, root.public, root)
        member = cls(community, name, f"{name} device", scopes or list(SCOPES), {"identity": pen})
        member.first = [
            pen.write("identity.create", IdentityCreate(next=None)),
            member.add_device(member.device),
        ]
        member.auth = member.first[1].id
        return member

    @property
    def id(self) -> bytes:
        return Keys(self.name).public

    @property
    def key(self) -> bytes:
        return Keys(self.device).public

    def pen(self, lane: str) -> Pen:
        return self.pens[lane]

    def add_device(self, device: str, scopes: list[str] | None = None) -> Made:
        keys = Keys(device)
        text = crypto.WORD_DEVICE_PROOF + proof_text(self.community.id, self.id)
        proof = keys.secret.sign(text).signature
        body = DeviceAdd(key=keys.public, proof=proof, scopes=scopes or self.scopes)  # type: ignore
        return self.pen("identity").write("device.add", body)

    def start(self, lane: str) -> Made:
        """Record 0 of a social, market, office or witness lane."""
        self.pens[lane] = Pen(self.community, self.id, Keys(self.device))
        return self.pen(lane).write(f"{lane}.open", LaneOpen(auth=self.auth))

    def start_account(self, carry: list[bytes] | None = None, chapter: int = 0) -> Made:
        """`account.open` with the witnesses and q of a chapter."""
        found = self.community.document.chapters[chapter]
        self.pens["account"] = Pen(self.community, self.id, Keys(self.device))
        body = AccountOpen(
            auth=self.auth,
            carry=sorted(carry or []),
            chapter=found.name,
            q=found.q,
            witnesses=sorted(found.witnesses),
        )
        made = self.pen("account").write("account.open", body)
        self.open = made.id
        return made

    def second_device(self, device: str) -> tuple[Made, "Member"]:
        """`device.add` of another device, and the member as that device sees itself."""
        made = self.add_device(device)
        pens = {"identity": self.pen("identity")}
        other = Member(self.community, self.name, device, self.scopes, pens, auth=made.id)
        return made, other

    def twin(self) -> "Member":
        """This member once more, as far as written: what it writes from now on forks lanes."""
        pens = {lane: pen.copy() for lane, pen in self.pens.items()}
        return replace(self, pens=pens)


def approve(officer: Member, kind: str, act: OfficeAct) -> Made:
    """The officer's approval of an act."""
    return officer.pen("office").write("office.approve", OfficeApprove(act=act_hash(kind, act)))


def grant_body(
    community: Community,
    open_id: bytes,
    limit: int,
    *,
    supersedes: list[bytes] | None = None,
    approvals: list[bytes] | None = None,
    chapter: int = 0,
) -> CreditGrant:
    """A grant in a chapter of the genesis document."""
    return CreditGrant(
        approvals=sorted(approvals or []),
        chapter=community.document.chapters[chapter].name,
        limit=limit,
        list=community.id,
        open=open_id,
        proof=None,
        supersedes=sorted(supersedes or []),
    )


def one_chapter(
    name: str,
    officers: list[str],
    *,
    k: int = 1,
    witnesses: list[str] | None = None,
    q: int = 0,
    limit: int = 10_000,
    limit_max: int = 50_000,
    treasury: str | None = None,
) -> Community:
    """A community with a chapter `Seoul` and a second one, `Toronto`, of the same officers."""
    chapter = Chapter(
        default_limit=limit,
        k=k,
        limit_max=limit_max,
        name="Seoul",
        officers=[Keys(officer).public for officer in officers],
        q=q,
        treasury=None if treasury is None else Keys(treasury).public,
        witnesses=[Keys(witness).public for witness in witnesses or []],
    )
    other = Chapter(
        default_limit=0,
        k=1,
        limit_max=0,
        name="Toronto",
        officers=chapter.officers[:1],
        q=0,
        treasury=None,
        witnesses=[],
    )
    document = Genesis(
        chapters=[chapter, other],
        languages=["ko", "zh", "en"],
        name=name,
        rules=1,
        salt=salt(name),
        unit=CreditUnit(code="HOUR", decimals=2),
    )
    return Community(document)
