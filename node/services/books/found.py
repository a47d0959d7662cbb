"""What a verification finds: doubts, how far the proof goes, and what is missing for more.

Left to others: finding it (`short_check`, `scratch_check`), sentences (`i18n`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from node.ledger.verify import Doubt
from node.services.books.verified import Mark

FINDINGS_MAX_COUNT: Final = 100  # more than anybody reads; the first ones name the cause

Progress = Callable[[int, int], None]
"""(done, in all): records and trades for the short check, records from scratch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up: a doubt, and the id or name that it concerns."""

    doubt: Doubt
    subject: str

    @property
    def key(self) -> str:
        """Its sentence in the catalogue; the placeholder is `subject`."""
        return f"verify.{self.doubt}"


@dataclass(frozen=True, slots=True)
class Missing:
    """What keeps books from a level. The sentence stands under `missing.<code>` in the catalogue;
    `month` is "" where the code speaks of none."""

    level: str
    code: str
    chapter: str
    count: int = 0
    month: str = ""


@dataclass(slots=True)
class Verification:
    """What was found. `level` is "" when not even stored bytes and signatures hold."""

    records: int = 0
    checked: int = 0  # records that were looked at this time
    trades: int = 0  # committed
    accounts: int = 0
    sum_of_balances: int = 0  # minor units; always 0 when all is well
    root: bytes = b""
    level: str = ""
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list[Finding])
    missing: list[Missing] = field(default_factory=list[Missing])
    unconfirmed: dict[int, int] = field(default_factory=dict[int, int])
    """By chapter: committed trades in credit that no relays have confirmed."""
    resumed: bool = False  # it went on where an earlier run was cut short
    before: Mark = field(default_factory=Mark)  # how far the books had been verified

    @property
    def ok(self) -> bool:
        """True iff nothing is in doubt."""
        return not self.findings

    def doubt(self, doubt: Doubt, subject: bytes | str) -> None:
        """Note what does not add up, once."""
        shown = subject.hex() if isinstance(subject, bytes) else subject
        finding = Finding(doubt, shown)
        if len(self.findings) < FINDINGS_MAX_COUNT and finding not in self.findings:
            self.findings.append(finding)
