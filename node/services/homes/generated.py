"""Generated members: people whose keys come from a seed, who sign what a program lets them do.

Used where a whole community is made by one program: replaying a table of transfers, measuring,
demonstrating. Rules: one seed and one name always give one member; records are built and signed as
any member's, and go through the same admission afterwards. Whoever knows the seed can sign for all
of them, so such a community is never one that people live in.

Left to others: deciding what is signed, and admitting it.
"""

from dataclasses import dataclass, field
from typing import Final

from node.protocol import crypto, record
from node.protocol.crypto import WORD_DEVICE_PROOF
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.identity import DEVICE_SCOPES, DeviceAdd, IdentityCreate, Lane, proof_text
from node.protocol.limits import RULES_VERSION, SALT_SIZE_BYTES, SUM_MAX_UNITS
from node.protocol.record import LANE_OF_KIND, OPENING_KIND, RawRecord
from node.protocol.shapes import Body, CommunityId, RecordId
from node.protocol.social import LaneOpen
from node.wallet.signer import RootSigner, Signer

WORD_GENERATED: Final = b"wetalk/1 generated\0"
OFFICER: Final = "officer"  # purpose, not a name: no name of a member can give the same key


def derive(seed: str, purpose: str, name: str = "") -> bytes:
    """32 bytes that follow from a seed, a purpose and a name."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (seed, purpose, name)]
    sized = (len(part).to_bytes(8, "big") + part for part in parts)
    return crypto.sha256(WORD_GENERATED, *sized)


@dataclass(slots=True)
class GeneratedMember:
    """One member with one device, and the heads of the lanes they have signed so far."""

    community: CommunityId
    root: RootSigner
    device: Signer
    heads: dict[Lane, tuple[int, RecordId]] = field(
        default_factory=dict[Lane, tuple[int, RecordId]]
    )
    auth: bytes = b""  # id of the `device.add`
    account: bytes = b""  # id of the `account.open`

    @property
    def id(self) -> bytes:
        """The member id."""
        return self.root.public_key

    def sign(
        self, kind: str, body: Body, time_ms: int, *, keep: bool = True
    ) -> tuple[RecordId, RawRecord]:
        """The next record of a lane. Without `keep` it is a trial: the lane stays as it was."""
        lane = LANE_OF_KIND[kind]
        signer = self.root if lane == Lane.IDENTITY else self.device
        seq, prev = self.heads.get(lane, (-1, None))
        header, data = record.build(body, kind, self.id, signer.public_key, seq + 1, prev, time_ms)
        made = crypto.record_id(self.community, header)
        if keep:
            self.heads[lane] = (seq + 1, RecordId(made))
        return RecordId(made), RawRecord(header, data, signer.sign_record(made))

    def introduce(self, time_ms: int) -> list[RawRecord]:
        """Identity with one device for everything."""
        _, created = self.sign("identity.create", IdentityCreate(next=None), time_ms)
        proof = self.device.sign(WORD_DEVICE_PROOF, proof_text(self.community, self.id))
        body = DeviceAdd(key=self.device.public_key, proof=proof, scopes=list(DEVICE_SCOPES))
        self.auth, added = self.sign("device.add", body, time_ms)
        return [created, added]

    def open(self, lane: Lane, time_ms: int) -> RawRecord:
        """Record 0 of a social, market, office or witness lane."""
        return self.sign(OPENING_KIND[lane], LaneOpen(auth=self.auth), time_ms)[1]


def generated_member(
    seed: str, name: str, community: CommunityId, purpose: str = "member"
) -> GeneratedMember:
    """The member of that name under a seed."""
    root = RootSigner(derive(seed, f"{purpose} root", name))
    device = Signer(
        derive(seed, f"{purpose} device", name),
        member_id=root.public_key,
        community_id=community,
    )
    return GeneratedMember(community, root, device)


def generated_genesis(seed: str, name: str, decimals: int, languages: list[str]) -> Genesis:
    """A community of one chapter of the same name, whose one officer is generated too.

    The highest limit is the largest exact sum, so that any limit can be granted.
    """
    officer = RootSigner(derive(seed, f"{OFFICER} root")).public_key
    chapter = Chapter(
        default_limit=0,
        k=1,
        limit_max=SUM_MAX_UNITS,
        name=name,
        officers=[officer],
        q=0,
        treasury=None,
        witnesses=[],
    )
    return Genesis(
        chapters=[chapter],
        languages=languages,
        name=name,
        rules=RULES_VERSION,
        salt=derive(seed, "salt")[:SALT_SIZE_BYTES],
        unit=CreditUnit(code="credit", decimals=decimals),
    )


def generated_officer(seed: str, community: CommunityId) -> GeneratedMember:
    """The officer whom `generated_genesis` names."""
    return generated_member(seed, "", community, OFFICER)
