"""What amounts are counted in, and how they are written.

Rules: `credit` is the community's own unit, with the decimals of its founding document; three
capital letters are a currency of ISO 4217, with the decimals that it has there;
`hours` have two decimals; `barter` and `gift` count deeds, which the order describes; any other
word has two decimals. Only credit is ever owed or spendable: the others are receipts.
"""

import re
from dataclasses import dataclass
from typing import Final

from node.i18n import amount_text, clean_for_display, text
from node.protocol.account import CREDIT
from node.protocol.errors import LocalFault
from node.protocol.genesis import CreditUnit

HOURS: Final = "hours"
DEEDS: Final = ("barter", "gift")
NAMED: Final = (HOURS, *DEEDS)  # units that have a name in every language
OTHER_DECIMALS: Final = 2
# ISO 4217, minor units, where they are not two. Unicode's table is of what people write, not of it:
# two programs would show one amount a hundred times apart.
DECIMALS_OF_CURRENCIES: Final = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX"),
            *("UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
WORD_MAX_CHARACTERS: Final = 16  # what this program signs; others may sign longer words
_CODE: Final = re.compile("[A-Z]{3}")


def decimals_of(unit: str, credit: CreditUnit) -> int:
    """How many of an amount's digits stand behind the point."""
    if unit == CREDIT:
        return credit.decimals
    return 0 if unit in DEEDS else DECIMALS_OF_CURRENCIES.get(unit, OTHER_DECIMALS)


def is_currency(unit: str) -> bool:
    """True iff it is a code of ISO 4217."""
    from babel.numbers import is_currency as is_known

    return _CODE.fullmatch(unit) is not None and is_known(unit)


def checked(unit: str) -> str:
    """A unit as it may stand in terms: one word, and a currency only by its code.

    Raises LocalFault unit-unknown.
    """
    word = unit.strip()
    if not word or word != clean_for_display(word, one_line=True) or re.search(r"\s", word):
        raise LocalFault("unit-unknown", unit=unit)
    if len(word) > WORD_MAX_CHARACTERS:
        raise LocalFault("unit-unknown", unit=word[:WORD_MAX_CHARACTERS])
    if word.lower() in (CREDIT, *NAMED):
        return word.lower()
    if is_currency(word.upper()):
        return word.upper()
    if _CODE.fullmatch(word):
        raise LocalFault("unit-unknown", unit=word)
    return word


def name_of(unit: str, credit: CreditUnit, language: str) -> str:
    """What people call a unit."""
    if unit == CREDIT:
        return clean_for_display(credit.code, one_line=True)
    if unit in NAMED:
        return text(f"unit.{unit}", language)
    return clean_for_display(unit, one_line=True)


def shown(amount: int, unit: str, credit: CreditUnit, language: str) -> str:
    """An amount with its unit: `12.50 나눔`, `1,200 KRW`, `2.00 hours`, `gift`."""
    name = name_of(unit, credit, language)
    if unit in DEEDS and amount == 1:
        return name
    return f"{amount_text(amount, decimals_of(unit, credit))} {name}"


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount that knows its unit, so that it can be written in any language later."""

    amount: int  # minor units
    unit: str
    credit: CreditUnit

    def text(self, language: str) -> str:
        """As people write it."""
        return shown(self.amount, self.unit, self.credit, language)
