"""What a chapter has decided for itself: a stand-in with the defaults, until its acts are there."""

from dataclasses import dataclass

from node.protocol.ports import Reader
from node.views.members import Rules


@dataclass(frozen=True, slots=True)
class Policy:
    """A chapter's choices: who mediates, and for how many days the two try alone."""

    counts: tuple[str, ...]
    faith_days: int
    mediators: tuple[bytes, ...]
    secured_from: int | None


def policy_of(reader: Reader, chapter: int, rules: Rules) -> Policy:
    """The policy in force, or the defaults."""
    del reader
    return Policy(("credit",), 30, tuple(rules.genesis.chapters[chapter].officers), None)
