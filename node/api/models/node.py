"""Shapes about this node: state, identity, devices, tokens, neighbours, records as files."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import (
    Cursor,
    Id,
    Model,
    Name,
    NameShown,
    Scope,
    Text,
    TextShown,
    Time,
    Who,
    Word,
    Words,
)
from node.protocol import limits


class Hint(Model):
    """Something useful to do next."""

    code: Annotated[str, Field(examples=["confirm-words"])]
    text: Annotated[str, Field(examples=["24개 낱말을 종이에 적어 주세요"])]
    command: Annotated[str | None, Field(examples=["wetalk trade list"])] = None


class Head(Model):
    """The newest record of one of this device's lanes."""

    lane: Annotated[str, Field(examples=["social"])]
    seq: Annotated[int, Field(ge=0, examples=[7])]
    id: Id


class Sync(Model):
    """How far this node is with its neighbours."""

    network: Literal["starting", "running", "off", "failed"]
    neighbours: Annotated[int, Field(ge=0, examples=[3])]
    in_sync: Annotated[int, Field(ge=0, examples=[3])]
    waiting: Annotated[int, Field(ge=0, examples=[0])]
    text: Annotated[str, Field(examples=["이웃들과 같은 기록을 가지고 있어요"])]


class Disk(Model):
    """Room on the home's disk, and what the data takes."""

    free_bytes: Annotated[int, Field(examples=[52_000_000_000])]
    used_bytes: Annotated[int, Field(examples=[7_340_032])]
    writing: bool
    problem: Annotated[str | None, Field(examples=[None])]


class Relay(Model):
    """What this device has done as a relay that confirms payments."""

    key: Id
    chapters: Annotated[list[str], Field(examples=[["마을"]])]
    confirmations: Annotated[int, Field(ge=0, examples=[120])]
    last: Time | None
    convicted: Annotated[bool, Field(description="it confirmed two contradictory histories")]


class Status(Model):
    """How the node is."""

    version: Annotated[str, Field(examples=["0.1.0"])]
    home: Annotated[str, Field(examples=["~/.local/share/wetalk"])]
    started: Time
    member: Who
    community: Annotated[str, Field(examples=["같이 마을"])]
    community_id: Id
    records: Annotated[int, Field(ge=0, examples=[1204])]
    heads: list[Head]
    addresses: Annotated[list[str], Field(examples=[["/ip4/192.0.2.7/tcp/4130/p2p/12D3Koo…"]])]
    sync: Sync
    disk: Disk
    relay: Annotated[Relay | None, Field(description="null: this device confirms nothing")]
    next: list[Hint]


class Identity(Model):
    """Who this device speaks for."""

    member: Id
    device: Id
    community: Id
    words_waiting: Annotated[bool, Field(description="the 24 words still lie in a file")]
    words_file: Annotated[str | None, Field(examples=[None])]
    home_copied: Annotated[bool, Field(description="another copy of this home has signed")]
    waiting_for_echo: Annotated[
        bool, Field(description="account records wait until a neighbour showed our own heads")
    ]
    restoring: bool


class WordsIn(Model):
    """The 24 words as their owner typed them from their own note."""

    words: Words


class BackupIn(Model):
    """Under which password a backup is sealed. Who loses it loses the backup."""

    password: Annotated[
        str,
        Field(
            min_length=1, max_length=limits.PASSPHRASE_MAX_BYTES, examples=["갈매기 셋, 돛 하나"]
        ),
    ]


class RestoreIn(Model):
    """Brings a member back whose records have come."""

    words: Words
    since: Annotated[Id | None, Field(description="the first trade that was not this member's")] = (
        None
    )


class Restored(Model):
    """The member is back; these devices were shut out."""

    shut_out: list[Id]


class ProfileIn(Model):
    """How a member wants to be shown."""

    name: Name
    about: Text = ""
    languages: Annotated[
        list[Word], Field(default_factory=list, max_length=8, examples=[["ko", "zh"]])
    ]
    region: Annotated[
        str | None,
        Field(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES, examples=["KR-11"]),
    ] = None


class Profile(Model):
    """How a member is shown; empty where they have not said."""

    member: Id
    name: NameShown
    about: TextShown
    languages: Annotated[list[str], Field(examples=[["ko", "zh"]])]
    region: Annotated[str | None, Field(examples=["KR-11"])]


class TokenIn(Model):
    """A token for a client: never more than the asking token may do itself."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4, examples=[["read", "talk"]])]
    days: Annotated[int | None, Field(ge=1, le=limits.TOKEN_LIFE_MAX_DAYS, examples=[90])] = None


class Token(Model):
    """A client's token, without its secret."""

    id: Id
    name: NameShown
    scopes: Annotated[list[Scope], Field(examples=[["read", "talk"]])]
    created: Time
    expires: Time | None
    good: Annotated[bool, Field(description="false: it has expired", examples=[True])]
    text: Annotated[str, Field(examples=["앞으로 90일 동안 쓸 수 있어요"])]


class TokenMade(Token):
    """A new token; its secret is told this once."""

    token: Annotated[str, Field(examples=["pQ3…"])]


class Tokens(Model):
    """All tokens of clients."""

    items: list[Token]
    next: Cursor = None


class Peer(Model):
    """A connected neighbour."""

    peer: Annotated[str, Field(examples=["12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"])]
    host: Annotated[str, Field(examples=["192.0.2.7"])]
    dialled: bool
    since_s: Annotated[float, Field(examples=[61.5])]
    in_sync: bool
    rtt_s: Annotated[float | None, Field(examples=[0.02])]
    bytes_in: Annotated[int, Field(examples=[20480])]
    bytes_out: Annotated[int, Field(examples=[10240])]
    records_in: Annotated[int, Field(examples=[42])]
    records_left: Annotated[int, Field(description="it still has to send", examples=[0])]


class Peers(Model):
    """Who is connected, and what to say about it."""

    items: list[Peer]
    next: Cursor = None
    addresses: Annotated[list[str], Field(examples=[["/ip4/192.0.2.7/tcp/4130/p2p/12D3Koo…"]])]
    text: Annotated[str, Field(examples=["이웃 1명과 이어져 있어요"])]


class PeerIn(Model):
    """A neighbour's address (multiaddress with peer id)."""

    address: Annotated[
        str,
        Field(
            min_length=1,
            max_length=limits.ADDRESS_SIZE_MAX_BYTES,
            examples=[
                "/ip4/192.0.2.7/tcp/4130/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
            ],
        ),
    ]


class ImportReport(Model):
    """What became of the lines of an import."""

    read: Annotated[int, Field(examples=[1204])]
    accepted: Annotated[int, Field(examples=[1200])]
    duplicate: Annotated[int, Field(examples=[4])]
    void: Annotated[int, Field(examples=[0])]
    rejected: Annotated[dict[str, int], Field(examples=[{}])]
    deferred: Annotated[int, Field(examples=[0])]
