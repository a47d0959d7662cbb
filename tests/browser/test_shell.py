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


VIEWS: list[tuple[tuple[int, int], bool, Language]] = [
    (PHONE, False, "ko"),
    (PHONE, True, "zh"),
    (WIDE, False, "en"),
    (WIDE, True, "ko"),
]
ALL_VIEWS = [
    (size, dark, language)
    for size in (PHONE, WIDE)
    for dark in (False, True)
    for language in LANGUAGES
]


@pytest.mark.parametrize(("size", "dark", "language"), VIEWS)
def test_nobody_is_shut_out(
    house: House, window: Open, size: tuple[int, int], dark: bool, language: Language
) -> None:
    look_at_every_place(window(house, language, size=size, dark=dark), size, dark)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dark", "language"), ALL_VIEWS)
def test_nobody_is_shut_out_in_any_language(
    house: House, window: Open, size: tuple[int, int], dark: bool, language: Language
) -> None:
    look_at_every_place(window(house, language, size=size, dark=dark), size, dark)


def look_at_every_place(here: Window, size: tuple[int, int], dark: bool) -> None:
    for place in PLACES:
        here.go(place)
        here.shot(f"{place}-{here.language}-{size[0]}-{'dark' if dark else 'light'}")
        assert axe_violations(here.page) == [], place
        assert too_wide(here.page) == 0, place
