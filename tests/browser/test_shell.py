"""The frame of the web client: it loads, five places, nothing that shuts anybody out."""

from collections.abc import Callable

import pytest

from node.i18n import LANGUAGES, Language
from tests.browser.houses import House
from tests.browser.pages import PHONE, WIDE, Window, axe_violations, too_wide

PLACES = ("talk", "market", "trade", "community", "me")
Open = Callable[..., Window]


def test_the_shell_loads_with_five_places(house: House, window: Open) -> None:
    here = window(house)
    links = here.page.get_by_role("navigation").get_by_role("link")
    assert links.all_inner_texts() == [here.says(f"place.{place}") for place in PLACES]
    for place in PLACES:
        here.press(f"place.{place}")
        here.settled()
        assert here.page.evaluate("location.hash") == f"#/{place}"
    assert here.page.title().endswith("WeTalk")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_nobody_is_shut_out(
    house: House, window: Open, size: tuple[int, int], dark: bool, language: Language
) -> None:
    here = window(house, language, size=size, dark=dark)
    for place in PLACES:
        here.go(place)
        here.shot(f"{place}-{language}-{size[0]}-{'dark' if dark else 'light'}")
        assert axe_violations(here.page) == [], place
        assert too_wide(here.page) == 0, place
