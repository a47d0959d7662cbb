"""The recovery phrase: official vectors, every way people type it, and what they are told."""

import copy
import hashlib
import pickle
import unicodedata
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic
from nacl.signing import SigningKey

from node.protocol import limits
from node.wallet.errors import Problem
from node.wallet.phrase import (
    LANGUAGES,
    LIST_NAMES,
    Language,
    PhraseError,
    bip39_seed,
    check,
    new_phrase,
    normalise,
    root_key,
    root_seed,
    suggestions,
    word_list,
)

# 24-word vectors of BIP-39 (its reference list, passphrase "TREZOR"): entropy, words, seed.
OFFICIAL = [
    (
        "00" * 32,
        "abandon " * 23 + "art",
        "bda85446c68413707090a52022edd26a1c9462295029f2e60cd7c4f2bbd3097170af7a4d73245caf"
        "a9c3cca8d561a7c3de6f5d4a10be8ed2a5e608d68f92fcc8",
    ),
    (
        "7f" * 32,
        "legal winner thank year wave sausage worth useful legal winner thank year wave sausage "
        "worth useful legal winner thank year wave sausage worth title",
        "bc09fca1804f7e69da93c2f2028eb238c227f2e9dda30cd63699232578480a4021b146ad717fbb7e"
        "451ce9eb835f43620bf5c514db0f8add49f5d121449d3e87",
    ),
    (
        "80" * 32,
        "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount "
        "doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless",
        "c0c519bd0e91a2ed54357d9d1ebef6f5af218a153624cf4f2da911a0ed8f7a09e2ef61af0aca0070"
        "96df430022f7a2b6fb91661a9589097069720d015e4e982f",
    ),
    (
        "ff" * 32,
        "zoo " * 23 + "vote",
        "dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e1613912f0a5b694407"
        "be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad",
    ),
]
# Root keys of the zero entropy; frozen: whoever wrote down a phrase relies on them.
ROOT_KEYS: dict[Language, str] = {
    "en": "949063ffaa7ace5db4a1ab9974506466d6a35405039d1802039c72bd1a5cad95",
    "ko": "53041aa71d49ed7ec35670816b30e5ea621b46de7ff58a3a4c3ce1778b033bbc",
    "zh": "7ec4535b1267ef2aeec16fb33db0dfa480fbf25eff5ecd954b3e3d61c42067a7",
}
ENTROPY = st.binary(min_size=32, max_size=32)
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS = st.sampled_from(get_args(Form))
LANGUAGE = st.sampled_from(LANGUAGES)
BLANKS = st.text(alphabet=" \t\n\u3000\u00a0\u2003\u200b\u3164", min_size=1, max_size=4)


@pytest.mark.parametrize(("entropy", "words", "seed"), OFFICIAL)
def test_official_vectors_hold(entropy: str, words: str, seed: str) -> None:
    phrase = new_phrase("en", bytes.fromhex(entropy))
    assert phrase.text == words
    assert check(words).words == phrase.words
    assert bip39_seed(phrase, "TREZOR").hex() == seed


def test_the_root_key_is_hkdf_over_the_seed_without_passphrase() -> None:
    phrase = new_phrase("en", bytes(32))
    seed = hashlib.pbkdf2_hmac("sha512", phrase.text.encode(), b"mnemonic", 2048)
    # HKDF (RFC 5869) by hand: extract with a zero salt, expand by one block.
    extracted = _hmac(bytes(32), seed)
    assert root_seed(phrase) == _hmac(extracted, b"wetalk/1 root\0\x01")


def _hmac(key: bytes, message: bytes) -> bytes:
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).digest()


@pytest.mark.parametrize("language", LANGUAGES)
def test_root_keys_never_change(language: Language) -> None:
    with root_key(new_phrase(language, bytes(32))) as key:
        assert key.public_key.hex() == ROOT_KEYS[language]


def test_the_same_entropy_in_another_language_is_another_key() -> None:
    assert len(set(ROOT_KEYS.values())) == len(LANGUAGES)


def test_new_phrases_differ_and_pass_the_check() -> None:
    made = [new_phrase(language) for language in LANGUAGES for _ in range(3)]
    assert len({phrase.text for phrase in made}) == len(made)
    for phrase in made:
        found = check(phrase.text)
        assert (found.language, found.words) == (phrase.language, phrase.words)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_entropy_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        new_phrase("en", bytes(size))


@given(LANGUAGE, ENTROPY, FORMS, BLANKS, st.booleans())
def test_any_unicode_form_and_any_blanks_recover_the_key(
    language: Language, entropy: bytes, form: Form, blank: str, upper: bool
) -> None:
    phrase = new_phrase(language, entropy)
    text = unicodedata.normalize(form, phrase.text).replace(" ", blank)
    typed = blank + (text.upper() if upper else text) + blank
    found = check(typed)
    assert found.language == language
    assert root_seed(found) == root_seed(phrase)


@given(ENTROPY)
def test_our_root_seed_agrees_with_the_library_on_decomposed_korean(entropy: bytes) -> None:
    sentence = Mnemonic("korean").to_mnemonic(entropy)
    assert unicodedata.is_normalized("NFD", sentence)
    assert bip39_seed(check(sentence)) == Mnemonic.to_seed(sentence)


def test_numbered_lists_full_width_letters_and_pasted_signs_are_understood() -> None:
    phrase = new_phrase("en", bytes(range(32)))
    numbered = "".join(f"{n:2}. {word}\r\n" for n, word in enumerate(phrase.words, start=1))
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else "\u3000" for c in phrase.text)
    hyphened = "\ufeff" + phrase.text[:2] + "\u00ad\u200d" + phrase.text[2:].replace(" ", ", ")
    bold = "".join(chr(ord(c) - 97 + 0x1D400) if c.isalpha() else c for c in phrase.text)
    for typed in (numbered, wide, hyphened, bold):
        assert check(typed).words == phrase.words


def test_chinese_needs_no_blanks() -> None:
    phrase = new_phrase("zh", bytes(range(32)))
    assert check("".join(phrase.words)).words == phrase.words


def test_the_language_is_the_one_of_most_words() -> None:
    assert normalise("가격 abandon 가끔").language == "ko"
    assert normalise("的 abandon able").language == "en"
    assert normalise("的一是 abandon").language == "zh"
    assert normalise("1. 2. ???").words == ()


@pytest.mark.parametrize("count", [0, 1, 12, 23, 25])
def test_a_wrong_number_of_words_is_told(count: int) -> None:
    with pytest.raises(PhraseError) as caught:
        check("abandon " * count)
    assert caught.value.code == Problem.PHRASE_COUNT
    assert caught.value.found == count
    assert caught.value.values["needed"] == 24


def test_text_beyond_any_phrase_is_refused_unread() -> None:
    with pytest.raises(PhraseError) as caught:
        check("a" * (limits.PHRASE_MAX_CHARACTERS + 1))
    assert caught.value.code == Problem.PHRASE_LONG


@given(LANGUAGE, ENTROPY, st.integers(0, 23))
def test_an_unknown_word_is_named_by_its_position(
    language: Language, entropy: bytes, index: int
) -> None:
    words = list(new_phrase(language, entropy).words)
    words[index] = {"en": "qqqq", "ko": "뷁뷁", "zh": "龘"}[language]
    with pytest.raises(PhraseError) as caught:
        check(" ".join(words))
    assert (caught.value.code, caught.value.position) == (Problem.PHRASE_WORD, index + 1)
    assert caught.value.suggestions == ()


@pytest.mark.parametrize(
    ("typed", "language", "meant"),
    [
        ("abandonn", "en", "abandon"),
        ("aband", "en", "abandon"),
        ("abanqqqqqqqqqqqq", "en", "abandon"),
        ("acousitc", "en", "acoustic"),
        ("zo", "en", "zoo"),
        ("가겨", "ko", "가격"),
        ("가끙", "ko", "가끔"),
        ("這", "zh", "这"),
        ("學", "zh", "学"),
    ],
)
def test_near_words_are_suggested(typed: str, language: Language, meant: str) -> None:
    assert meant in suggestions(typed, language)
    words = list(new_phrase(language, bytes(32)).words)
    words[4] = typed
    with pytest.raises(PhraseError) as caught:
        check(" ".join(words))
    assert (caught.value.code, caught.value.position) == (Problem.PHRASE_WORD_NEAR, 5)
    assert meant in str(caught.value.values["suggestions"])


def test_the_word_with_the_same_four_letters_comes_first_of_three() -> None:
    for typed in ("abanwall", "absting", "achiation", "actoing"):
        found = suggestions(typed, "en")
        assert found[0].startswith(typed[:4])
        assert len(found) <= limits.PHRASE_SUGGESTIONS_MAX_COUNT


@given(LANGUAGE, st.text(max_size=12))
def test_suggestions_are_few_and_of_the_list(language: Language, typed: str) -> None:
    found = suggestions(typed, language)
    assert len(found) <= limits.PHRASE_SUGGESTIONS_MAX_COUNT
    assert set(found) <= set(word_list(language))


@given(LANGUAGE, ENTROPY, st.integers(0, 23), st.integers(0, 2047))
def test_a_changed_word_is_refused_or_another_phrase(
    language: Language, entropy: bytes, index: int, other: int
) -> None:
    phrase = new_phrase(language, entropy)
    words = list(phrase.words)
    words[index] = word_list(language)[other]
    valid = Mnemonic(LIST_NAMES[language]).check(" ".join(words))
    if valid:
        assert (root_seed(check(" ".join(words))) == root_seed(phrase)) == (
            words == list(phrase.words)
        )
    else:
        with pytest.raises(PhraseError) as caught:
            check(" ".join(words))
        assert caught.value.code == Problem.PHRASE_CHECKSUM


@given(st.text())
def test_any_text_that_is_no_phrase_is_a_told_problem(text: str) -> None:
    with pytest.raises(PhraseError) as caught:
        check(text)
    assert caught.value.code in set(Problem)


def test_nothing_shows_a_phrase_or_root_key() -> None:
    phrase = new_phrase("en", bytes(32))
    key = root_key(phrase)
    for secret in (phrase, normalise(phrase.text), key):
        assert "abandon" not in repr(secret)
        assert "hidden" in str(secret)
        with pytest.raises(TypeError):
            pickle.dumps(secret)
        with pytest.raises(TypeError):
            copy.deepcopy(secret)
    with pytest.raises(PhraseError) as caught:
        check("hunter2secret " * 24)
    assert "hunter" not in str(caught.value)


def test_the_root_seed_is_wiped_after_the_block() -> None:
    phrase = new_phrase("ko")
    with root_key(phrase) as key:
        assert bytes(SigningKey(bytes(key.seed)).verify_key) == key.public_key
    assert bytes(key.seed) == bytes(32)
