"""Why a member is refused: the sentence speaks of the side that is meant, in every language."""

import pytest

from node.i18n import LANGUAGES, catalogue, problem_text
from node.protocol.errors import LocalFault
from node.services.trading import accounts
from node.services.trading.trade import Proposal
from tests.support.homes import Person

ALERTS = ("forked", "revoked", "beyond-carry", "double-carry", "suspended")
DOUBTS = ("void", "no-grant", "grant-not-current", "unclean")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*ALERTS, *DOUBTS])
def test_every_reason_not_to_deal_with_somebody_has_a_sentence(reason: str, language: str) -> None:
    code = accounts.refusal(reason).code
    assert f"problem.{code}" in catalogue("en")
    assert problem_text(code, language) != problem_text("unexpected", language, code=code)


@pytest.mark.trio
async def test_a_changed_limit_is_told_of_the_payer_not_of_oneself(people: list[Person]) -> None:
    officer, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 300, invoice=False))
    await amina.hand_to(baraka)
    await officer.community.grant(None, amina.id, 5_000)
    await officer.hand_to(baraka)
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.accept(trade)
    assert caught.value.code == "payer-grant-changed"
    assert "other side" in problem_text(caught.value.code, "en")
