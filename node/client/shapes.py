"""Shapes of requests (`…In`) and answers of the API.

Written by tests/clients/generate.py from the OpenAPI document.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Application(TypedDict):
    """An open application."""

    id: str
    member: Who
    text: str
    time: str
    invited: bool


class Applications(TypedDict):
    """Open applications, oldest first."""

    items: list[Application]
    next: str | None


class ApplyIn(TypedDict):
    """Asks a chapter to admit this member. `code`: hex of a one-time code."""

    text: NotRequired[str]
    code: NotRequired[str | None]


class Audit(TypedDict):
    """A report on a chapter. `velocity`: turnover over money in circulation, the mean of the sums
    of balances above zero at the start and at the end."""

    chapter: str
    month: str | None
    unit: str
    unit_name: str
    decimals: int
    trades: int
    turnover: int
    velocity: str | None
    positive: int
    negative: int
    sum_of_balances: int
    adds_up: bool
    unconfirmed: int
    level: str
    level_text: str
    level_means: str
    root: str
    verified_records: int
    verified_at: str | None
    scratch_at: str | None
    close: str | None
    close_verdict: Literal["agrees", "differs", "unknown"] | None
    members: list[AuditMember]
    open: list[AuditTrade]
    refunds: list[AuditTrade]
    grants: list[AuditGrant]
    witnesses: list[str]


class AuditGrant(TypedDict):
    """A limit that was granted in the period, and the one it replaced."""

    act: str
    member: Who
    limit: int
    before: int | None
    by: Who
    time: str
    state: Literal["current", "replaced", "withdrawn"]
    state_text: str


class AuditMember(TypedDict):
    """A member in the period: opening + received - given = closing, minor units."""

    member: str
    name: str
    membership: str
    limit: int | None
    opening: int
    received: int
    given: int
    closing: int
    alerts: list[str]


class AuditTrade(TypedDict):
    """A trade that somebody should look at."""

    trade: str
    payer: Who
    payee: Who
    amount: int
    unit: str
    decimals: int
    state: Literal["reserved", "offered", "accepted", "contested", "refund"]
    state_text: str
    time: str
    refunds: str | None


class BackupIn(TypedDict):
    """Under which password a backup is sealed. Who loses it loses the backup."""

    password: str


class Balance(TypedDict):
    """A member's balance in a chapter, minor units of credit.

    `spendable`, `limit` and `reserved` stand for this member's own account only."""

    member: Who
    chapter: str
    book: int
    spendable: int | None
    limit: int | None
    reserved: int
    unit: str
    unit_name: str
    decimals: int
    level: str
    level_text: str
    level_means: str
    unconfirmed: int
    closed: Closed | None
    final: bool
    text: str
    notice: str | None
    in_doubt: int
    in_doubt_amount: int
    in_doubt_text: str | None


class Chapter(TypedDict):
    """A chapter as the genesis document has it. Limits in minor units of credit."""

    name: str
    officers: list[Who]
    approvals: int
    relays: int
    quorum: int
    relay_texts: list[str]
    convicted: list[str]
    convicted_texts: list[str]
    default_limit: int
    limit_max: int
    membership: Literal["officer", "member", "suspended", "applicant", "none"]


class Close(TypedDict):
    """A close that stands, and whether own books come to the same."""

    id: str
    chapter: str
    month: str
    time: str
    officers: list[Who]
    totals: CloseTotals
    own: CloseTotals | None
    verdict: Literal["agrees", "differs", "unknown"]
    text: str
    unit: str
    decimals: int


class CloseIn(TypedDict):
    """Close a month that is over; without one, the last that is over."""

    chapter: NotRequired[str | None]
    month: NotRequired[str | None]


class CloseTotals(TypedDict):
    """A tree over the balances of a chapter."""

    count: int
    negative: int
    positive: int
    root: str


class Closed(TypedDict):
    """What the newest close that own books agree with says of a balance, minor units."""

    month: str
    close: str
    balance: int
    since: int
    moved: bool
    text: str


class Closes(TypedDict):
    """The closes that stand, newest month first."""

    items: list[Close]


class Code(TypedDict):
    """A QR code: `path` draws its dark modules (SVG), in a square of `size` with its margin."""

    size: int
    path: str


class Community(TypedDict):
    """The community this home belongs to."""

    id: str
    name: str
    rules: int
    languages: list[Literal["ko", "zh", "en"] | str]
    unit: str
    unit_name: str
    decimals: int
    chapters: list[Chapter]
    root: str | None


class Confirmations(TypedDict):
    """How far relays have confirmed: `given` of `relays`, of whom `needed` make it final."""

    given: int
    needed: int
    relays: int


class Contact(TypedDict):
    """A contact."""

    member: str
    name: str
    note: str
    added: str


class ContactIn(TypedDict):
    """What this member calls somebody. Never leaves this machine."""

    member: str
    name: str
    note: NotRequired[str]


class Contacts(TypedDict):
    """All contacts, by name."""

    items: list[Contact]
    next: str | None


class Contribution(TypedDict):
    """What a member gave and received in one unit, minor units. Nobody owes any of it."""

    unit: str
    name: str
    decimals: int
    given: int
    received: int
    given_text: str
    received_text: str
    counts: bool


class Contributions(TypedDict):
    """Totals by unit: trades in money, hours, barter and gifts move no credit."""

    member: Who
    chapter: str
    items: list[Contribution]


class Decision(TypedDict):
    """What became of an officer's wish: an act, or a proposal that waits for other officers."""

    id: str
    proposal: str
    done: bool
    agreed: int
    needed: int
    text: str


class Device(TypedDict):
    """A device of this member."""

    device: str
    scopes: list[str]
    revoked: bool
    this: bool
    late: Late | None


class Devices(TypedDict):
    """All devices of this member."""

    items: list[Device]
    next: str | None


class Disk(TypedDict):
    """Room on the home's disk, and what the data takes."""

    free_bytes: int
    used_bytes: int
    writing: bool
    problem: str | None


class Dispute(TypedDict):
    """A case as this member sees it now. `until`: when its stage moves on by itself."""

    id: str
    trade: str
    chapter: str
    opener: Who
    payer: Who
    payee: Who
    amount: int
    amount_text: str
    unit: str
    decimals: int
    opened: str
    stage: Literal[
        "agreeing", "asking", "judging", "alone", "closed", "advice", "owed", "paying", "paid"
    ]
    text: str
    until: str | None
    seats: int
    needed: int
    mediators: list[Mediator]
    outcome: OutcomeShown | None
    given_back: int
    given_back_text: str
    payment: str | None
    roles: list[str]
    next_steps: list[str]
    next_texts: list[str]
    waits: bool


class DisputeDetail(TypedDict):
    """A case with what was said in it, oldest first."""

    id: str
    trade: str
    chapter: str
    opener: Who
    payer: Who
    payee: Who
    amount: int
    amount_text: str
    unit: str
    decimals: int
    opened: str
    stage: Literal[
        "agreeing", "asking", "judging", "alone", "closed", "advice", "owed", "paying", "paid"
    ]
    text: str
    until: str | None
    seats: int
    needed: int
    mediators: list[Mediator]
    outcome: OutcomeShown | None
    given_back: int
    given_back_text: str
    payment: str | None
    roles: list[str]
    next_steps: list[str]
    next_texts: list[str]
    waits: bool
    said: list[Said]


class DisputeIn(TypedDict):
    """A trade that went wrong, and what happened, for the other side and the mediators."""

    trade: str
    text: str


class Disputes(TypedDict):
    """Cases of this member, the newest first."""

    items: list[Dispute]
    next: str | None


class EditIn(TypedDict):
    """New text for an own post."""

    text: str


class EraseIn(TypedDict):
    """Something said, to be erased everywhere."""

    evidence: str


class EvidenceIn(TypedDict):
    """Something to say in a case; only its parties and mediators can read it."""

    text: str


class Files(TypedDict):
    """So many files with so many bytes."""

    count: int
    bytes: int


class Finding(TypedDict):
    """Something that does not add up: what, and the id or name it concerns."""

    code: str
    subject: str
    text: str


class GrantIn(TypedDict):
    """A limit for a member, minor units of credit."""

    member: str
    limit: int


class GreetingIn(TypedDict):
    """How a greeting is wanted."""

    part_characters: NotRequired[int]
    drawn: NotRequired[bool]


class Head(TypedDict):
    """The newest record of one of this device's lanes."""

    lane: str
    seq: int
    id: str


class Hint(TypedDict):
    """Something useful to do next."""

    code: str
    text: str
    command: str | None


class Hit(TypedDict):
    """Something that was found: a post or a listing."""

    post: Post | None
    listing: Listing | None


class Hits(TypedDict):
    """What was found, best first."""

    items: list[Hit]
    next: str | None


class Identity(TypedDict):
    """Who this device speaks for."""

    member: str
    device: str
    community: str
    words_waiting: bool
    words_file: str | None
    home_copied: bool
    waiting_for_echo: bool
    restoring: bool


class ImportReport(TypedDict):
    """What became of the lines of an import."""

    read: int
    accepted: int
    duplicate: int
    void: int
    rejected: dict[str, int]
    deferred: int


class Invitation(TypedDict):
    """A link to hand over, and when its code ends."""

    link: str
    expires: str | None
    code: Code | None


class InvitationIn(TypedDict):
    """What an invitation is for. `code` makes one that admits its bearer once, at once."""

    chapter: NotRequired[str | None]
    code: NotRequired[bool]


class JoinIn(TypedDict):
    """An invitation, and the 24 words of this member."""

    link: str
    words: str


class Joining(TypedDict):
    """The node starts again in the other community."""

    restarting: bool
    community: str


class Lan(TypedDict):
    """Whether the home network is open."""

    on: bool
    state: Literal["off", "starting", "on", "failed"]
    url: str | None
    certificate: LanCertificate | None
    pairings: list[LanPairing]
    text: str


class LanCertificate(TypedDict):
    """What to compare on both sides."""

    fingerprint: str
    digits: str
    until: str


class LanIn(TypedDict):
    """Open or close the home network. Left out: the address that the system uses, the port kept."""

    on: bool
    address: NotRequired[str | None]
    port: NotRequired[int | None]


class LanPairIn(TypedDict):
    """A code, as it stood in the fragment."""

    code: str


class LanPaired(TypedDict):
    """A token for the phone; its secret is told this once."""

    id: str
    name: str
    scopes: list[Literal["read", "talk", "trade", "admin"]]
    created: str
    expires: str | None
    good: bool
    text: str
    token: str
    certificate: LanCertificate | None


class LanPairing(TypedDict):
    """A code that lets one phone in; `token` is the id of what it was exchanged for."""

    pairing: str
    name: str
    expires: str
    token: str | None


class LanPairingIn(TypedDict):
    """A phone to let in: what to call it, what it may do, for how many days."""

    name: str
    scopes: list[Literal["read", "talk", "trade", "admin"]]
    days: NotRequired[int]


class LanPairingMade(TypedDict):
    """The code, in the fragment of a link; shown this once. `qr` is the link, drawn."""

    pairing: str
    name: str
    expires: str
    token: str | None
    code: str
    link: str
    certificate: LanCertificate
    qr: Code


class Late(TypedDict):
    """What an old device did beyond its cut. `left`: its owner has said that it was not theirs."""

    payments: list[LatePayment]
    left: bool
    text: str


class LatePayment(TypedDict):
    """A payment of an old device that became known after it was shut out."""

    trade: str
    partner: Who
    amount: int
    unit: str
    decimals: int


class LeaveIn(TypedDict):
    """What an old device did was not this member's: it stays in doubt."""

    device: str


class Listing(TypedDict):
    """A listing as shown."""

    id: str
    author: Who
    mine: bool
    kind: Literal["gift", "goods", "loan", "service", "share", "want"]
    title: str
    text: str
    price: Price
    region: str | None
    stock: Literal["few", "many", "one", "unknown"]
    tags: list[str]
    language: str | None
    time: str
    until: str | None
    state: Literal["active", "paused", "expired"]
    pictures: list[Picture]


class ListingChange(TypedDict):
    """What to change of an own listing; what is left out stays."""

    kind: NotRequired[Literal["gift", "goods", "loan", "service", "share", "want"] | None]
    title: NotRequired[str | None]
    text: NotRequired[str | None]
    price: NotRequired[PriceIn | None]
    region: NotRequired[str | None]
    stock: NotRequired[Literal["few", "many", "one", "unknown"] | None]
    tags: NotRequired[list[str] | None]
    language: NotRequired[str | None]
    until: NotRequired[str | None]
    pictures: NotRequired[list[PictureIn] | None]
    state: NotRequired[Literal["active", "paused"] | None]


class ListingIn(TypedDict):
    """Something to offer, or (kind `want`) to ask for. A region is a coarse one, no address."""

    kind: Literal["gift", "goods", "loan", "service", "share", "want"]
    title: str
    text: NotRequired[str]
    price: NotRequired[PriceIn]
    region: NotRequired[str | None]
    stock: NotRequired[Literal["few", "many", "one", "unknown"]]
    tags: NotRequired[list[str]]
    language: NotRequired[str | None]
    until: NotRequired[str | None]
    pictures: NotRequired[list[PictureIn]]
    state: NotRequired[Literal["active", "paused"]]


class Listings(TypedDict):
    """Listings, newest first."""

    items: list[Listing]
    next: str | None


class Made(TypedDict):
    """The id of the record that was made."""

    id: str


class Mediator(TypedDict):
    """Somebody who may judge the case, in the order in which they are asked.

    `spare`: took it when the seats were full."""

    member: Who
    state: Literal["seated", "asked", "next", "left", "spare"]
    vote: OutcomeShown | None


class Member(TypedDict):
    """A member in a chapter; amounts in minor units of credit. `limit` null: none granted."""

    id: str
    name: str
    contact: str | None
    chapter: str
    membership: Literal["officer", "member", "suspended", "applicant", "none"]
    balance: int
    limit: int | None
    unit: str
    decimals: int
    ratings: int
    stars: float | None
    alerts: list[str]
    alert_texts: list[str]


class MemberDetail(TypedDict):
    """A member with what they say of themselves, and what others say, the newest first."""

    id: str
    name: str
    contact: str | None
    chapter: str
    membership: Literal["officer", "member", "suspended", "applicant", "none"]
    balance: int
    limit: int | None
    unit: str
    decimals: int
    ratings: int
    stars: float | None
    alerts: list[str]
    alert_texts: list[str]
    reputation: Reputation
    said: list[Rating]
    about: str
    languages: list[str]
    region: str | None


class MemberIn(TypedDict):
    """A member an act is about."""

    member: str


class Members(TypedDict):
    """Members in order of id."""

    items: list[Member]
    next: str | None


class Missing(TypedDict):
    """What keeps the books from a level."""

    level: str
    code: str
    chapter: str
    text: str


class MonthTotal(TypedDict):
    """What a month saw; `volume` in minor units of credit."""

    month: str
    trades: int
    volume: int


Movement = TypedDict(
    "Movement",
    {
        "trade": "str",
        "commit": "str",
        "partner": "Who",
        "amount": "int",
        "time": "str",
        "for": "str | None",
        "refunds": "str | None",
    },
)
"""One line of a statement: plus received, minus given."""


class NoteIn(TypedDict):
    """How a note is wanted. `full`: with all that the other side is not known to hold, for a file;
    else without what both had from the network, so that it fits a QR code."""

    full: NotRequired[bool]
    part_characters: NotRequired[int]
    drawn: NotRequired[bool]


class NoteOut(TypedDict):
    """A note to hand over, in parts; `partner` is null for a greeting, which is for anybody."""

    partner: Who | None
    trades: list[Told]
    records: int
    size: int
    parts: list[str]
    codes: list[Code]


class NotesIn(TypedDict):
    """The parts of one note, in any order. `anyway` settles before neighbours confirmed our last
    records."""

    parts: list[str]
    anyway: NotRequired[bool]
    part_characters: NotRequired[int]
    drawn: NotRequired[bool]


class Nothing(TypedDict):
    """Done; there is nothing to tell."""


OtherMovement = TypedDict(
    "OtherMovement",
    {
        "trade": "str",
        "commit": "str",
        "partner": "Who",
        "amount": "int",
        "time": "str",
        "for": "str | None",
        "refunds": "str | None",
        "unit": "str",
        "unit_name": "str",
        "decimals": "int",
    },
)
"""A line of a statement in another unit, which no balance counts."""


class OutcomeShown(TypedDict):
    """What somebody voted for, or what came out."""

    to: Literal["nobody", "payee", "payer"]
    amount: int
    text: str


class PayIn(TypedDict):
    """`anyway` signs before neighbours confirmed our last records."""

    anyway: NotRequired[bool]


class Peer(TypedDict):
    """A connected neighbour."""

    peer: str
    host: str
    dialled: bool
    since_s: float
    in_sync: bool
    rtt_s: float | None
    bytes_in: int
    bytes_out: int
    records_in: int
    records_left: int


class PeerIn(TypedDict):
    """A neighbour's address (multiaddress with peer id)."""

    address: str


class Peers(TypedDict):
    """Who is connected, and what to say about it."""

    items: list[Peer]
    next: str | None
    addresses: list[str]
    text: str


class Picture(TypedDict):
    """A picture of a listing. `text`: what is to be seen, for those who cannot see it."""

    text: str
    large: PictureFile
    small: PictureFile


class PictureBounds(TypedDict):
    """What to change of the bounds, in bytes; what is left out stays. 0 for none."""

    room: NotRequired[int | None]
    ahead: NotRequired[int | None]


class PictureFile(TypedDict):
    """A file of a picture. `here`: its bytes are on this node; else asking fetches them."""

    id: str
    url: str
    media: Literal["image/jpeg", "image/png", "image/webp"]
    size: int
    width: int
    height: int
    here: bool


class PictureIn(TypedDict):
    """A picture that a listing shall have: the id of `large`, as POST /pictures gave it, or of one
    that the listing has already. Without words those it had, else the listing's title."""

    id: str
    text: NotRequired[str]


class PictureMade(TypedDict):
    """A photo made fit: nothing of it is left but pixels. It waits a day for its listing."""

    large: PictureFile
    small: PictureFile


class PictureWaiting(TypedDict):
    """The bytes are not here yet. `coming`: they are being fetched; `nobody` of the neighbours has
    them now; `alone`: there is no neighbour. The event `picture` tells when they arrive."""

    state: Literal["coming", "nobody", "alone"]
    text: str


class PicturesHeld(TypedDict):
    """What is here, and its bounds: `room` for others' pictures, of which the least looked at go
    first; `ahead` in a day of pictures nearby before anybody looks at them. Both in bytes."""

    own: Files
    others: Files
    room: int
    ahead: int


class Policy(TypedDict):
    """The policy in force. `id` null: nothing was decided, these are the defaults."""

    chapter: str
    counts: list[str]
    faith_days: int
    mediators: list[Who]
    secured_from: int | None
    unit: str
    decimals: int
    id: str | None
    text: str


class PolicyIn(TypedDict):
    """How members' programs act in a chapter; replaces the policy as a whole."""

    counts: list[str]
    faith_days: int
    mediators: list[str]
    secured_from: int | None


class Post(TypedDict):
    """A post. `edited`: claimed time of the edit shown; `reply_count`: replies, at most 100."""

    id: str
    author: Who
    room: str
    text: str
    language: str | None
    reply_to: str | None
    time: str
    edited: str | None
    reply_count: int
    mine: bool


class PostDetail(TypedDict):
    """A post with its replies, oldest first."""

    id: str
    author: Who
    room: str
    text: str
    language: str | None
    reply_to: str | None
    time: str
    edited: str | None
    reply_count: int
    mine: bool
    replies: list[Post]


class PostIn(TypedDict):
    """Something to say in a room."""

    room: str
    text: str
    language: NotRequired[str | None]
    reply_to: NotRequired[str | None]


class Posts(TypedDict):
    """Posts, newest first."""

    items: list[Post]
    next: str | None


class Price(TypedDict):
    """A price as shown; amount, unit and decimals are null unless `form` is `amount`."""

    form: Literal["ask", "free", "amount"]
    amount: int | None
    unit: str | None
    decimals: int | None


class PriceIn(TypedDict):
    """A price: `ask`, `free`, or an amount in minor units of `unit`."""

    form: Literal["ask", "free", "amount"]
    amount: NotRequired[int | None]
    unit: NotRequired[str]
    decimals: NotRequired[int | None]


class Problem(TypedDict):
    """Why something was not done (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    values: dict[str, Any]


class Profile(TypedDict):
    """How a member is shown; empty where they have not said."""

    member: str
    name: str
    about: str
    languages: list[str]
    region: str | None


class ProfileIn(TypedDict):
    """How a member wants to be shown."""

    name: str
    about: NotRequired[str]
    languages: NotRequired[list[str]]
    region: NotRequired[str | None]


class Proposal(TypedDict):
    """An act that an officer asks the others to agree to."""

    id: str
    kind: Literal[
        "member.admit", "member.suspend", "credit.grant", "chapter.policy", "chapter.close"
    ]
    text: str
    time: str
    officers: list[Who]
    mine: bool
    needed: int
    member: Who | None


class Proposals(TypedDict):
    """Open proposals, oldest first."""

    items: list[Proposal]


class RateIn(TypedDict):
    """A rating of the other side, once a trade."""

    stars: int
    text: NotRequired[str]


class Rating(TypedDict):
    """One rating, by a party of a committed trade. `text` null: none, or erased."""

    id: str
    trade: str
    author: Who
    stars: int
    text: str | None
    time: str
    amount: int
    amount_text: str
    unit: str
    decimals: int
    given_back: int
    contested: bool
    in_good_standing: bool
    marks: list[str]


class RecogniseIn(TypedDict):
    """What an old device did was this member's, all of it or `through` a trade."""

    device: str
    words: str
    password: NotRequired[str | None]
    through: NotRequired[str | None]


class Refund(TypedDict):
    """A refund of a trade: a trade of its own, the other way round."""

    id: str
    amount: int
    amount_text: str
    state: Literal["proposed", "accepted", "declined", "released", "settled", "secured"]
    state_text: str


class RefundIn(TypedDict):
    """How much to give back, or to ask for, minor units; null: all that is left."""

    amount: NotRequired[int | None]
    anyway: NotRequired[bool]


class Relay(TypedDict):
    """What this device has done as a relay that confirms payments."""

    key: str
    chapters: list[str]
    confirmations: int
    last: str | None
    convicted: bool


class RenewIn(TypedDict):
    """Makes a new key on this computer. `both`: what another copy of it signed was ours too."""

    words: str
    password: NotRequired[str | None]
    both: NotRequired[bool]


class Renewal(TypedDict):
    """A member's account that has no limit, and gets none without an officer's yes."""

    member: Who
    open: str
    reason: str
    reason_text: str
    may_be_granted: bool
    limit: int
    unit: str
    decimals: int
    proof: str | None
    contested: list[str]


class Renewals(TypedDict):
    """Accounts that wait for an officer, in order of member."""

    items: list[Renewal]
    next: str | None


class Renewed(TypedDict):
    """The new key, the devices that it takes the place of, and why its limit has to wait."""

    device: str
    shut_out: list[str]
    opened: str | None


class Reputation(TypedDict):
    """What ratings of a member rest on. Stars never stand alone: see beside them.

    `stars`: how many ratings of 5, 4, 3, 2 and 1. Ratings of contested trades are not counted."""

    stars: dict[str, int]
    ratings: int
    raters: int
    good_raters: int
    contested: int
    refunded: int
    trades: int
    partners: int
    volume: int
    text: str


class RestoreIn(TypedDict):
    """Brings a member back whose records have come."""

    words: str
    since: NotRequired[str | None]


class Restored(TypedDict):
    """The member is back; these devices were shut out."""

    shut_out: list[str]


class RevokeIn(TypedDict):
    """Shuts a device out. `open` lets what it signed stand: it was merely put away."""

    device: str
    words: str
    open: NotRequired[bool]
    since: NotRequired[str | None]


class RoomLine(TypedDict):
    """A room and its newest post."""

    name: str
    newest: Post | None


class Rooms(TypedDict):
    """Rooms with live posts; those with the newest posts first."""

    items: list[RoomLine]
    next: str | None


class Root(TypedDict):
    """The state root: equal on all honest nodes that hold the same records."""

    chapter: str | None
    root: str
    sections: list[Section]


class Said(TypedDict):
    """Something said in a case; `text` null: sealed, and not readable on this device."""

    id: str
    author: Who
    time: str
    text: str | None


class Section(TypedDict):
    """One part of the state root."""

    name: str
    hash: str


class Statement(TypedDict):
    """A month (UTC): opening and movements add up to closing. `others` are trades in other units,
    in no sum."""

    member: Who
    chapter: str
    month: str
    unit: str
    unit_name: str
    decimals: int
    opening: int
    movements: list[Movement]
    others: list[OtherMovement]
    closing: int
    level: str
    level_text: str
    level_means: str
    in_doubt: list[Movement]


class Status(TypedDict):
    """How the node is."""

    version: str
    home: str
    started: str
    member: Who
    community: str
    community_id: str
    records: int
    heads: list[Head]
    addresses: list[str]
    sync: Sync
    disk: Disk
    relay: Relay | None
    next: list[Hint]


class StepIn(TypedDict):
    """The next step of a trade. `anyway` signs before neighbours confirmed our last records."""

    anyway: NotRequired[bool]


class Sync(TypedDict):
    """How far this node is with its neighbours."""

    network: Literal["starting", "running", "off", "failed"]
    neighbours: int
    in_sync: int
    waiting: int
    text: str


class TakeIn(TypedDict):
    """Whether a mediator who is asked takes the case, or leaves it to the next."""

    takes: NotRequired[bool]


class Taken(TypedDict):
    """What became of a note, and the answer to hand back (null: none is waited for).

    `lacking`: how many records it rests on are not here; `unsettled`: trades that wait, and
    `unsettled_text` says for what."""

    sender: Who
    own: bool
    trades: list[TakenTrade]
    accepted: int
    duplicate: int
    rejected: int
    lacking: int
    settled: list[str]
    unsettled: list[str]
    unsettled_text: str | None
    answer: NoteOut | None
    text: str


class TakenTrade(TypedDict):
    """A trade that a note is about; `trade` is null where not all of it is here yet."""

    id: str
    standing: Literal[
        "unknown", "asked", "accepted", "off", "agreed", "paid", "unconfirmed", "final", "doubt"
    ]
    final: bool
    text: str
    trade: Trade | None


class Tie(TypedDict):
    """Two members who traded, and how often."""

    one: Who
    other: Who
    trades: int


class Ties(TypedDict):
    """Who trades with whom in a chapter: at most 500 ties, most trades first; months by name."""

    chapter: str
    items: list[Tie]
    count: int
    months: list[MonthTotal]
    unit: str
    unit_name: str
    decimals: int


class Token(TypedDict):
    """A client's token, without its secret."""

    id: str
    name: str
    scopes: list[Literal["read", "talk", "trade", "admin"]]
    created: str
    expires: str | None
    good: bool
    text: str


class TokenIn(TypedDict):
    """A token for a client: never more than the asking token may do itself."""

    name: str
    scopes: list[Literal["read", "talk", "trade", "admin"]]
    days: NotRequired[int | None]


class TokenMade(TypedDict):
    """A new token; its secret is told this once."""

    id: str
    name: str
    scopes: list[Literal["read", "talk", "trade", "admin"]]
    created: str
    expires: str | None
    good: bool
    text: str
    token: str


class Tokens(TypedDict):
    """All tokens of clients."""

    items: list[Token]
    next: str | None


class Told(TypedDict):
    """How sure a trade is, in one sentence. `final`: nobody can change it any more."""

    id: str
    standing: Literal[
        "unknown", "asked", "accepted", "off", "agreed", "paid", "unconfirmed", "final", "doubt"
    ]
    final: bool
    text: str


Trade = TypedDict(
    "Trade",
    {
        "id": "str",
        "payer": "Who",
        "payee": "Who",
        "partner": "Who",
        "amount": "int",
        "unit": "str",
        "decimals": "int",
        "amount_text": "str",
        "state": "Literal['proposed', 'accepted', 'declined', 'released', 'settled', 'secured']",
        "state_text": "str",
        "invoice": "bool",
        "contested": "bool",
        "refunds": "str | None",
        "given_back": "int",
        "giving_back": "int",
        "left": "int",
        "time": "str",
        "for": "str | None",
        "next_steps": "list[str]",
        "level": "str",
        "level_text": "str",
        "level_means": "str",
        "doubt": "Literal['payer', 'payee', 'other', 'refund'] | None",
        "doubt_text": "str | None",
        "alerts": "list[str]",
        "alert_texts": "list[str]",
        "goods": "Literal['wait', 'hand-over', 'confirmed', 'none']",
        "goods_text": "str",
        "confirmations": "Confirmations",
        "confirmations_text": "str | None",
    },
)
"""A trade as its parties see it. `next_steps`: what this member may do now.

`given_back`: by refunds so far; `giving_back`: offered or asked for, not settled yet;
`left`: what may still be given back."""


TradeDetail = TypedDict(
    "TradeDetail",
    {
        "id": "str",
        "payer": "Who",
        "payee": "Who",
        "partner": "Who",
        "amount": "int",
        "unit": "str",
        "decimals": "int",
        "amount_text": "str",
        "state": "Literal['proposed', 'accepted', 'declined', 'released', 'settled', 'secured']",
        "state_text": "str",
        "invoice": "bool",
        "contested": "bool",
        "refunds": "str | None",
        "given_back": "int",
        "giving_back": "int",
        "left": "int",
        "time": "str",
        "for": "str | None",
        "next_steps": "list[str]",
        "level": "str",
        "level_text": "str",
        "level_means": "str",
        "doubt": "Literal['payer', 'payee', 'other', 'refund'] | None",
        "doubt_text": "str | None",
        "alerts": "list[str]",
        "alert_texts": "list[str]",
        "goods": "Literal['wait', 'hand-over', 'confirmed', 'none']",
        "goods_text": "str",
        "confirmations": "Confirmations",
        "confirmations_text": "str | None",
        "steps": "list[TradeStep]",
        "refunded_by": "list[Refund]",
        "refund_texts": "list[str]",
    },
)
"""A trade with its steps in order of arrival, and all refunds of it."""


TradeIn = TypedDict(
    "TradeIn",
    {
        "direction": "Literal['pay', 'invoice']",
        "partner": "str",
        "amount": "int",
        "unit": "NotRequired[str]",
        "for": "NotRequired[str]",
        "refunds": "NotRequired[str | None]",
        "valid_until": "NotRequired[str | None]",
        "anyway": "NotRequired[bool]",
    },
)
"""A payment to propose, or an invoice to send. `anyway` signs before neighbours confirmed."""


class TradeStep(TypedDict):
    """One step of a trade."""

    id: str
    kind: str
    author: Who
    time: str


class Trades(TypedDict):
    """Own trades, newest first."""

    items: list[Trade]
    next: str | None


class UnitShown(TypedDict):
    """A unit that trades may be counted in."""

    unit: str
    name: str
    decimals: int
    counts_in: list[str]


class Verified(TypedDict):
    """What a verification found, and the level it reached."""

    ok: bool
    level: str | None
    level_text: str | None
    level_means: str | None
    records: int
    checked: int
    before: int
    before_at: str | None
    scratch_at: str | None
    resumed: bool
    trades: int
    accounts: int
    sum_of_balances: int
    root: str | None
    seconds: float
    findings: list[Finding]
    missing: list[Missing]
    never: str


class VerifyIn(TypedDict):
    """`from_scratch` computes everything anew from the stored records."""

    from_scratch: NotRequired[bool]


class VoteIn(TypedDict):
    """Who should get how much, minor units; `nobody` gets 0. `note`: why, for parties and panel."""

    to: Literal["nobody", "payee", "payer"]
    amount: NotRequired[int]
    note: NotRequired[str]


class Who(TypedDict):
    """A member, and what to call them here."""

    id: str
    name: str


class WordsIn(TypedDict):
    """The 24 words as their owner typed them from their own note."""

    words: str
