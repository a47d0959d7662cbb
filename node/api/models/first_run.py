"""Shapes of the first run: what a home without a member may be asked."""

from typing import Annotated

from pydantic import Field

from node.api.models.base import Id, Language, Model, Name, NameShown, Words
from node.protocol import limits

Written = Annotated[
    str,
    Field(
        min_length=1,
        max_length=limits.INVITATION_LINK_MAX_CHARACTERS,
        description="an invitation, as it was handed on; greetings around it do not matter",
        examples=["wetalk:join?c=…"],
    ),
]


class FirstRun(Model):
    """A home that has no member yet."""

    home: Annotated[str, Field(examples=["~/.local/share/wetalk"])]
    version: Annotated[str, Field(examples=["0.1.0"])]


class InvitationIn(Model):
    """An invitation to look at."""

    invitation: Written


class Invited(Model):
    """Where an invitation leads. `once`: it lets one person in without asking again."""

    name: NameShown
    chapter: NameShown
    chapters: list[NameShown]
    unit_name: Annotated[str, Field(examples=["나눔"])]
    languages: Annotated[list[str], Field(examples=[["ko", "zh"]])]
    once: bool
    reachable: Annotated[bool, Field(description="it names neighbours to dial")]


class CommunityIn(Model):
    """A community to start: its name, and how its unit of credit is called."""

    name: Name
    unit: Annotated[str, Field(min_length=1, max_length=10, examples=["나눔"])]


class NewIn(Model):
    """A new member: of the community that invites, of one to start, or of one of their own."""

    name: Name
    language: Language
    invitation: Written | None = None
    community: CommunityIn | None = None


class NewMade(Model):
    """A member was made, and the node starts. `words` are told this once."""

    member: Id
    words: Annotated[list[str], Field(examples=[["abandon", "ability", "… (24 words)"]])]


class BackIn(Model):
    """A member who has been here before. `beside`: their other devices go on."""

    words: Words
    language: Language
    invitation: Written
    beside: bool = False


class BackMade(Model):
    """The node starts, and fetches the member's records from the neighbours."""

    member: Id
