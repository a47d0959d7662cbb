"""A small community of real keys and real signed records, from which tests build any history.

Rules: keys come from names, times from a counter, so the same calls make the same bytes. A record
is made on top of another one (`on`), so forks are made by building on a record twice. The world's
own node takes everything in as it is made and says what became of it.
"""

from dataclasses import dataclass

from nacl.signing import SigningKey

from node.ledger.positions import POSITION, TRADE, Position
from node.ledger.trades import commit_of
from node.protocol import codec, crypto, genesis, limits, market, record, social
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    AccountOpen,
    ClaimItem,
    RatingGive,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.identity import Cut, DeviceAdd, DeviceRevoke, IdentityCreate, Lane, proof_text
from node.protocol.office import (
    CreditGrant,
    MemberAct,
    OfficeAct,
    OfficeApprove,
    OfficePropose,
    WitnessStamp,
    act_content,
    act_hash,
)
from node.protocol.record import KINDS, OPENING_KIND, Header, RawRecord
from node.protocol.shapes import Body
from node.views.members import Rules, acts_on, current_act
from tests.support.keys import key_of, keys_of, public
from tests.support.nodes import Node

QUORUMS = {"q0": (0, 0), "1/1": (1, 1), "3/2": (3, 2), "4/3": (4, 3)}
OFFICERS = ("o0", "o1", "o2")
LIMIT = 100
KIND_OF = {shape: kind for kinds in KINDS.values() for kind, shape in kinds.items()}
SALT = bytes(limits.SALT_SIZE_BYTES)
ORDER_HASH = crypto.sha256(crypto.WORD_ORDER, b"bread")


@dataclass(frozen=True, slots=True)
class Made:
    """A record that was made, with what it says."""

    id: bytes
    header: Header
    body: Body
    raw: RawRecord

    def __lt__(self, other: "Made") -> bool:
        return self.id < other.id


class World:
    """A community, its keys, and everything that was ever signed in it."""

    def __init__(
        self,
        quorum: str = "q0",
        k: int = 1,
        *,
        limit_max: int = LIMIT,
        chapters: tuple[str, ...] = ("coop",),
        treasury: str | None = None,
        seats: dict[str, tuple[str, ...]] | None = None,
        relays: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        """`seats`: chapters whose officers are others than `OFFICERS`, of whom they must be.
        `relays`: chapters whose witnesses are others than those of the first."""
        count, q = QUORUMS[quorum]
        self.witnesses = [f"w{n}" for n in range(count)]
        self.witness_keys = keys_of(self.witnesses)
        self.keys_in = {
            name: keys_of((relays or {}).get(name, self.witnesses)) for name in chapters
        }
        seats = dict.fromkeys(chapters, OFFICERS) | (seats or {})
        documents = [
            Chapter(
                default_limit=min(LIMIT, limit_max), k=k, limit_max=limit_max, name=name,
                officers=[public(officer) for officer in seats[name]], q=q,
                treasury=None if treasury is None else public(treasury),
                witnesses=self.keys_in[name],
            )
            for name in chapters
        ]  # fmt: skip
        self.genesis = Genesis(
            chapters=documents, languages=["ko", "zh", "en"], name="test",
            rules=limits.RULES_VERSION, salt=SALT, unit=CreditUnit(code="CRD", decimals=0),
        )  # fmt: skip
        self.genesis_bytes = genesis.encode(self.genesis)
        self.community, _ = genesis.parse(self.genesis_bytes)
        self.rules = Rules(self.community, self.genesis)
        self.node = Node(self.rules)
        self.made: dict[bytes, Made] = {}
        self.outcome: dict[bytes, str] = {}
        self.time = 1_700_000_000_000
        self.shift_ms = 0
        self.names: dict[bytes, str] = {}
        self.identity: dict[str, Made] = {}
        self.keys: dict[bytes, SigningKey] = {}
        self.devices: dict[str, int] = {}
        self.office = {name: self._lane(name, "office", Lane.OFFICE) for name in OFFICERS}
        stamping = [*self.witnesses, *(name for names in (relays or {}).values() for name in names)]
        self.witness = {name: self._lane(name, "witness", Lane.WITNESS) for name in stamping}

    # --- making records ---------------------------------------------------------------------------
    def make(
        self,
        body: Body,
        author: bytes,
        signer: bytes,
        prev: Made | None,
        kind: str | None = None,
    ) -> Made:
        """Sign a record and take it in."""
        self.time += 1
        kind = kind or KIND_OF[type(body)]
        seq, before = (0, None) if prev is None else (prev.header.seq + 1, prev.id)
        claimed = self.time + self.shift_ms
        header, data = record.build(body, kind, author, signer, seq, before, claimed)
        made = self.sealed(header, data, body)
        self.made[made.id] = made
        self.outcome[made.id] = self.node.receive(made.raw)
        return made

    def sealed(self, header: bytes, data: bytes, body: Body) -> Made:
        """Sign header bytes with the key they name, without taking the record in."""
        parsed = record.parse_header(header)
        record_id = crypto.record_id(self.community, header)
        message = crypto.record_message(record_id)
        signature = self.keys[parsed.signer].sign(message).signature
        return Made(record_id, parsed, body, RawRecord(header, data, signature))

    def on(self, prev: Made, body: Body, kind: str | None = None) -> Made:
        """The next record on the lane of `prev`."""
        return self.make(body, prev.header.author, prev.header.signer, prev, kind)

    def unknown(self, prev: Made, kind: str, data: bytes) -> Made:
        """A record of a kind that this program does not know."""
        self.time += 1
        header = Header(
            version=limits.RECORD_VERSION, kind=kind, author=prev.header.author,
            signer=prev.header.signer, lane=prev.header.lane, seq=prev.header.seq + 1,
            prev=prev.id, time=self.time, body_hash=crypto.sha256(data), body_size=len(data),
        )  # fmt: skip
        made = self.sealed(codec.encode(header), data, Body())
        self.made[made.id] = made
        self.outcome[made.id] = self.node.receive(made.raw)
        return made

    def raws(self) -> list[RawRecord]:
        """Everything ever made, in the order of making."""
        return [made.raw for made in self.made.values()]

    def library(self) -> dict[bytes, RawRecord]:
        """The same by id."""
        return {made.id: made.raw for made in self.made.values()}

    def fresh(self) -> Node:
        """Another node of this community that holds nothing."""
        return Node(self.rules)

    # --- what became of it ------------------------------------------------------------------------
    def position(self, made: Made) -> Position:
        """Position at an account record."""
        return POSITION.must(self.node.state, made.id)

    def available(self, made: Made) -> int:
        """in - out + limit at an account record."""
        found = self.position(made)
        return found.incoming - found.outgoing + found.limit

    def opened(self, made: Made) -> Made:
        """The open at the start of an account record's path."""
        return self.made[self.position(made).open]

    def acts(self, open_id: bytes) -> list[bytes]:
        """Ids of the ok acts on a subject."""
        return [act for act, _ in acts_on(self.node.state, open_id)]

    def granted(self, open_id: bytes) -> bytes | None:
        """The current grant of a lane, else any ok one, else None."""
        found = current_act(self.node.state, open_id, self.rules)
        if found is not None:
            return found[0]
        return next(iter(self.acts(open_id)), None)

    # --- people and devices -----------------------------------------------------------------------
    def member(self, name: str) -> bytes:
        """A member's id; the identity is created when it is first asked for."""
        member = public(name)
        if name not in self.identity:
            self.keys[member] = key_of(name)
            self.names[member] = name
            self.identity[name] = self.make(IdentityCreate(next=None), member, member, None)
        return member

    def device(self, name: str, *scopes: str, label: str | None = None) -> Made:
        """A new device key of a member, added to its identity; returns the `device.add`."""
        self.member(name)
        number = self.devices[name] = self.devices.get(name, 0) + 1
        return self.add(name, label or f"{name}/{number}", *scopes)

    def add(self, name: str, label: str, *scopes: str) -> Made:
        """The key of a label, added to a member's identity."""
        member, key = self.member(name), key_of(label)
        self.keys[bytes(key.verify_key)] = key
        text = crypto.WORD_DEVICE_PROOF + proof_text(self.community, member)
        proof = key.sign(text).signature
        body = DeviceAdd(key=bytes(key.verify_key), proof=proof, scopes=sorted(scopes))
        self.identity[name] = self.on(self.identity[name], body)
        return self.identity[name]

    def revoke(self, device: Made, **cuts: Made | Cut | str) -> Made:
        """Shut a device out: `device` is any record it signed; cuts are records, "open", or what a
        liar says."""
        name = self.names[device.header.author]
        rows = {
            lane: Cut(cut.header.seq, cut.id) if isinstance(cut, Made) else cut
            for lane, cut in cuts.items()
        }
        body = DeviceRevoke(cuts=rows, key=device.header.signer)
        self.identity[name] = self.on(self.identity[name], body)
        return self.identity[name]

    def first(self, device: Made, lane: Lane, body: Body) -> Made:
        """Record 0 of a lane of the device that `device` (a `device.add`) added."""
        assert isinstance(device.body, DeviceAdd)
        author = device.header.author
        return self.make(body, author, device.body.key, None, OPENING_KIND[lane])

    def _lane(self, name: str, scope: str, lane: Lane) -> Made:
        label = f"{name}/witness" if lane == Lane.WITNESS else None
        device = self.device(name, scope, label=label)
        return self.first(device, lane, social.LaneOpen(auth=device.id))

    def first_office(self, name: str) -> Made:
        """An office lane of somebody who may be no officer; returns its open."""
        return self._lane(name, "office", Lane.OFFICE)

    def first_witness(self, name: str) -> Made:
        """A witness lane of somebody whom no chapter may name; returns its open."""
        return self._lane(name, "witness", Lane.WITNESS)

    def talker(self, name: str) -> Made:
        """A new device of a member with a social lane; returns its open."""
        return self._lane(name, "social", Lane.SOCIAL)

    def seller(self, name: str) -> Made:
        """A new device of a member with a market lane; returns its open."""
        return self._lane(name, "market", Lane.MARKET)

    # --- accounts and grants ----------------------------------------------------------------------
    def account(
        self,
        name: str,
        *carry: Made,
        witnesses: list[bytes] | None = None,
        q: int | None = None,
        chapter: str | None = None,
        device: Made | None = None,
        limit: int | None = None,
    ) -> Made:
        """An `account.open` on a new device (or on one given); with `limit`, granted by o0."""
        device = device or self.device(name, "account")
        first = self.genesis.chapters[0]
        own = self.keys_in.get(chapter or first.name, self.witness_keys)
        body = AccountOpen(
            auth=device.id,
            carry=sorted(made.id for made in carry),
            chapter=chapter or first.name,
            q=first.q if q is None else q,
            witnesses=own if witnesses is None else sorted(witnesses),
        )
        opened = self.first(device, Lane.ACCOUNT, body)
        if limit is not None:
            self.grant(opened, limit)
        return opened

    def approve(self, officer: str, kind: str, act: OfficeAct) -> Made:
        """An officer agrees to an act's content."""
        body = OfficeApprove(act=act_hash(kind, act))
        self.office[officer] = self.on(self.office[officer], body)
        return self.office[officer]

    def propose_act(self, officer: str, kind: str, act: OfficeAct) -> Made:
        """An officer shows an act's content to the others, and agrees to it."""
        body = OfficePropose(content=act_content(kind, act))
        self.office[officer] = self.on(self.office[officer], body)
        return self.approve(officer, kind, act)

    def act(self, officer: str, kind: str, act: OfficeAct, *helpers: str) -> Made:
        """Put an act on an officer's lane, approved first by the helpers."""
        approvals = sorted(self.approve(helper, kind, act).id for helper in helpers)
        fields = {name: getattr(act, name) for name in act.__struct_fields__}
        done = type(act)(**{**fields, "approvals": approvals})
        self.office[officer] = self.on(self.office[officer], done, kind)
        return self.office[officer]

    def grant(
        self,
        opened: Made,
        limit: int = LIMIT,
        officer: str = "o0",
        helpers: tuple[str, ...] | None = None,
        supersedes: list[bytes] | None = None,
    ) -> Made:
        """A credit grant that supersedes every known one, approved by as many as it takes."""
        body = self.grant_body(opened, limit, supersedes)
        if helpers is None:
            others = [name for name in OFFICERS if name != officer]
            helpers = tuple(others[: self.genesis.chapters[0].k - 1])
        return self.act(officer, "credit.grant", body, *helpers)

    def grant_body(
        self, opened: Made, limit: int = LIMIT, supersedes: list[bytes] | None = None
    ) -> CreditGrant:
        """The content of a grant, without approvals."""
        known = self.acts(opened.id) if supersedes is None else supersedes
        chapter = getattr(opened.body, "chapter", self.genesis.chapters[0].name)
        return CreditGrant(
            approvals=[], chapter=chapter, limit=limit, list=self.community, open=opened.id,
            proof=None, supersedes=sorted(known),
        )  # fmt: skip

    def membership_body(self, name: str, *supersedes: Made) -> MemberAct:
        """The content of a membership act, without approvals."""
        return MemberAct(
            application=None, approvals=[], chapter=self.genesis.chapters[0].name,
            list=self.community, member=public(name),
            supersedes=sorted(made.id for made in supersedes),
        )  # fmt: skip

    # --- trade ------------------------------------------------------------------------------------
    def propose(
        self,
        prev: Made,
        payee: Made,
        amount: int,
        *,
        grant: bytes | None = None,
        refunds: Made | None = None,
        unit: str = CREDIT,
        payer: Made | None = None,
    ) -> Made:
        """The payer proposes. `payee` and `payer` are their opens."""
        payer_lane = self.position(prev).open if payer is None else payer.id
        if grant is None and unit == CREDIT:
            grant = self.granted(payer_lane)
        return self.terms(prev, payer_lane, payee.id, amount, grant, refunds, unit)

    def invoice(
        self,
        prev: Made,
        payer: Made,
        amount: int,
        *,
        refunds: Made | None = None,
        unit: str = CREDIT,
    ) -> Made:
        """The payee asks. `payer` is the payer's open."""
        return self.terms(prev, payer.id, self.position(prev).open, amount, None, refunds, unit)

    def terms(
        self,
        prev: Made,
        payer_lane: bytes,
        payee_lane: bytes,
        amount: int,
        grant: bytes | None = None,
        refunds: Made | None = None,
        unit: str = CREDIT,
        valid_until: int | None = None,
    ) -> Made:
        """Any `trade.propose`."""
        body = TradePropose(
            amount=amount, grant=grant, order_hash=ORDER_HASH, payee_lane=payee_lane,
            payer_lane=payer_lane, refunds=None if refunds is None else refunds.id, unit=unit,
            valid_until=valid_until,
        )  # fmt: skip
        return self.on(prev, body)

    def accept(self, prev: Made, propose: Made, grant: bytes | None = None) -> Made:
        """Accept; an invoice in credit is paid under the lane's grant."""
        body = propose.body
        paying = isinstance(body, TradePropose) and body.payer_lane == self.position(prev).open
        if grant is None and paying and body.unit == CREDIT:
            grant = self.granted(body.payer_lane)
        return self.on(prev, TradeAccept(grant=grant, propose=propose.id))

    def settle(self, prev: Made, accept: Made) -> Made:
        """The payer commits."""
        return self.on(prev, TradeSettle(accept=accept.id))

    def release(self, prev: Made, trade: Made) -> Made:
        """The payer takes a reservation back."""
        return self.on(prev, TradeRelease(trade=trade.id))

    def decline(self, prev: Made, propose: Made) -> Made:
        """The other side says no."""
        return self.on(prev, TradeDecline(propose=propose.id))

    def claim(
        self, prev: Made, *commits: Made, stamps: dict[bytes, list[Made]] | None = None
    ) -> Made:
        """Claim commits, with the stamps given for each."""
        items = [
            ClaimItem(c.id, sorted(s.id for s in (stamps or {}).get(c.id, ())))
            for c in sorted(commits)
        ]
        return self.on(prev, AccountClaim(items=items))

    def rate(self, prev: Made, commit: Made, stars: int = 5) -> Made:
        """Rate a trade."""
        return self.on(prev, RatingGive(commit=commit.id, review=None, stars=stars))

    def pay(
        self, prev: Made, payee_head: Made, amount: int, *, refunds: Made | None = None
    ) -> tuple[Made, Made]:
        """Propose, accept, settle: (payer's head, which is the commit; payee's head)."""
        proposed = self.propose(prev, self.opened(payee_head), amount, refunds=refunds)
        accepted = self.accept(payee_head, proposed)
        return self.settle(proposed, accepted), accepted

    def stamp(self, witness: str, head: Made, opened: Made | None = None) -> Made:
        """A witness stamps a head."""
        open_id = self.position(head).open if opened is None else opened.id
        body = WitnessStamp(head=head.id, open=open_id)
        self.witness[witness] = self.on(self.witness[witness], body)
        return self.witness[witness]

    def secure(self, head: Made) -> list[Made]:
        """Every witness stamps a head."""
        return [self.stamp(name, head) for name in self.witnesses]

    def trade_of(self, commit: Made) -> bytes:
        """The trade that a record commits."""
        trade = commit_of(self.node.state, commit.id)
        assert trade is not None
        assert TRADE.has(self.node.state, trade)
        return trade

    # --- talk and market --------------------------------------------------------------------------
    def post(self, prev: Made, text: str, room: str = "well", reply_to: Made | None = None) -> Made:
        """A post."""
        reply = None if reply_to is None else reply_to.id
        body = social.PostPut(language=None, reply_to=reply, room=room, salt=SALT, text=text)
        return self.on(prev, body)

    def edit(self, prev: Made, post: Made, text: str) -> Made:
        """An edit of a post."""
        return self.on(prev, social.PostEdit(post=post.id, salt=SALT, text=text))

    def delete(self, prev: Made, post: Made) -> Made:
        """A deletion of a post."""
        return self.on(prev, social.PostDelete(post=post.id, salt=SALT))

    def profile(self, prev: Made, name: str) -> Made:
        """A profile."""
        body = social.ProfileSet(about="", languages=[], name=name, region=None, salt=SALT)
        return self.on(prev, body)

    def apply_for(self, prev: Made, chapter: str | None = None) -> Made:
        """An application to a chapter."""
        chapter = chapter or self.genesis.chapters[0].name
        return self.on(prev, social.MemberApply(chapter=chapter, invite=None, salt=SALT, text=""))

    def listing(
        self, prev: Made, title: str, revises: Made | None = None, region: str | None = None
    ) -> Made:
        """A listing, or a revision of one."""
        body = market.ListingPut(
            kind="goods", language=None, listing=None if revises is None else revises.id,
            paused=False, price="free", region=region, salt=SALT, stock="one", tags=["bread"],
            text="", title=title, until=None,
        )  # fmt: skip
        return self.on(prev, body)

    def close(self, prev: Made, listing: Made, *, erase: bool = False) -> Made:
        """Take a listing off."""
        return self.on(prev, market.ListingClose(erase=erase, listing=listing.id, salt=SALT))


def lane_key(made: Made) -> bytes:
    """Lane key (65 bytes) of a record."""
    return made.header.lane_key
