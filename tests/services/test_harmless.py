"""What the market shows without cleaning it needs no cleaning."""

from node import i18n
from node.services import market


def test_every_letter_that_is_passed_over_is_one_that_cleaning_leaves_alone() -> None:
    passed_over = [letter for letter in map(chr, range(0x110000)) if market._is_harmless(letter)]
    assert len(passed_over) > 39_000
    for letter in passed_over:
        assert i18n.clean_for_display(letter) == letter
        assert letter == "\n" or i18n.clean_for_display(letter, one_line=True) == letter


def test_usual_texts_are_passed_over_and_others_are_not() -> None:
    for text in ("김치 한 포기, 50% off!", "新鲜的。\n“又甜”", "Äpfel…", "", "plain"):
        assert market._is_harmless(text)
    for text in ("a\tb", "a\rb", "\x7f", "\u202eabc", "가\u200b나", "\u3164"):
        assert not market._is_harmless(text)
