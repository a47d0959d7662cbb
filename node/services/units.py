"""Units of amounts: how many digits stand behind the point, and how an amount is written.

Rules: `credit` is the community's own unit, with its name and decimals from the genesis document;
other units are words that two members agreed on, and nobody's books count them.
"""

from functools import cache
from typing import Final

from node.i18n import amount_text, clean_for_display
from node.protocol.account import CREDIT
from node.protocol.genesis import Genesis

UNITS_WITHOUT_CODE_DECIMALS: Final = 2


def unit_decimals(genesis: Genesis, unit: str) -> int:
    """How many of an amount's digits stand behind the point."""
    return genesis.unit.decimals if unit == CREDIT else _currency_decimals(unit)


def unit_name(genesis: Genesis, unit: str) -> str:
    """What people call the unit, on one line."""
    return clean_for_display(genesis.unit.code if unit == CREDIT else unit, one_line=True)


def shown(genesis: Genesis, amount: int, unit: str) -> str:
    """An amount in minor units as people write it, with the unit's name: `1,234.50 나눔`."""
    return f"{amount_text(amount, unit_decimals(genesis, unit))} {unit_name(genesis, unit)}"


@cache
def _currency_decimals(code: str) -> int:
    """By ISO 4217 (Unicode's table of it); two for units that are no currency, such as hours."""
    from babel.numbers import get_currency_precision, is_currency

    return get_currency_precision(code) if is_currency(code) else UNITS_WITHOUT_CODE_DECIMALS
