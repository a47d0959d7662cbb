"""A story of coming back from a file after a theft, by the command line."""

from pathlib import Path

import pytest

from node.storage.home import Home
from tests.services.test_stories_devices import four, paid, place  # noqa: F401
from tests.support.stories import Village, balances, screen_of, spread, words_file

pytestmark = pytest.mark.trio


async def test_a_thief_is_cut_off_while_coming_back_from_a_file(
    place: Village,  # noqa: F811
    tmp_path: Path,
) -> None:
    """A neighbour's export stands in for the neighbour; a trade that is not in it loses nothing."""
    sunhee, amina, baraka, cho = await four(place)
    await paid(amina, baraka, "10", sunhee)
    stolen = await paid(amina, cho, "20", sunhee)
    file = tmp_path / "records"
    await sunhee.screen("export", str(file))
    await amina.leave()
    home = Home(tmp_path / "back")
    home.prepare()
    typed = words_file(home, amina.words)
    come = ("restore", str(file), "--words-file", str(typed), "--since")
    said = await screen_of(home, *come, "00000000", code=1)
    assert "This trade is not known here" in said
    assert "wetalk restore --finish" in said
    again = ("restore", "--finish", "--words-file", str(typed), "--since")
    await screen_of(home, *again, stolen[:12])
    amina = await place.open("back", amina.words, "amina")
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka, cho) == [-1_000, 1_000, 0]

    other = Home(tmp_path / "other")
    other.prepare()
    await amina.screen("export", str(tmp_path / "later"))
    late = ("restore", str(tmp_path / "later"), "--words-file", str(typed), "--since", stolen[:12])
    assert "That trade is not on" in await screen_of(other, *late, code=1)
