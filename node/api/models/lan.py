"""Shapes about the home network: open or closed, its certificate, letting a phone in."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import Id, Model, Name, NameShown, Scope, Sentence, Time
from node.api.models.node import TokenMade
from node.api.models.stall import Code
from node.protocol import limits

PairingId = Annotated[str, Field(examples=["9f2c41d07be8a35d"])]
Fingerprint = Annotated[
    str,
    Field(
        description="SHA-256 of the certificate, as browsers show it",
        examples=[":".join(["A1", "2B", "F0", "7C"] * 8)],
    ),
]


class LanCertificate(Model):
    """What to compare on both sides."""

    fingerprint: Fingerprint
    digits: Annotated[
        str, Field(description="made of the same", examples=["40213 77805 19264 00381"])
    ]
    until: Time


class LanPairing(Model):
    """A code that lets one phone in; `token` is the id of what it was exchanged for."""

    pairing: PairingId
    name: NameShown
    expires: Time
    token: Id | None


class Lan(Model):
    """Whether the home network is open."""

    on: Annotated[bool, Field(description="whether the owner wants it open", examples=[True])]
    state: Annotated[Literal["off", "starting", "on", "failed"], Field(examples=["on"])]
    url: Annotated[str | None, Field(examples=["https://192.168.0.12:8446/"])]
    certificate: LanCertificate | None
    pairings: list[LanPairing]
    text: Sentence


class LanIn(Model):
    """Open or close the home network. Left out: the address that the system uses, the port kept."""

    on: Annotated[bool, Field(examples=[True])]
    address: Annotated[str | None, Field(max_length=45, examples=["192.168.0.12"])] = None
    port: Annotated[int | None, Field(ge=0, le=65_535, examples=[8446])] = None


class LanPairingIn(Model):
    """A phone to let in: what to call it, what it may do, for how many days."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4, examples=[["read", "talk"]])]
    days: Annotated[int, Field(ge=1, le=limits.TOKEN_LIFE_MAX_DAYS, examples=[180])] = 180


class LanPairingMade(LanPairing):
    """The code, in the fragment of a link; shown this once. `qr` is the link, drawn."""

    code: Annotated[str, Field(examples=["7KQ2MXWJ4TPA"])]
    link: Annotated[str, Field(examples=["https://192.168.0.12:8446/#pair=7KQ2MXWJ4TPA"])]
    certificate: LanCertificate
    qr: Code


class LanPairIn(Model):
    """A code, as it stood in the fragment."""

    code: Annotated[str, Field(min_length=1, max_length=64, examples=["7KQ2MXWJ4TPA"])]


class LanPaired(TokenMade):
    """A token for the phone; its secret is told this once."""

    certificate: LanCertificate | None
