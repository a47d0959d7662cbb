"""The recovery phrase: 24 words in English, Korean or Chinese, and the root key they stand for.

Way: entropy (32 bytes) → 24 words (BIP-39) → 64-byte seed (PBKDF2 of the *words*, as BIP-39 says,
empty passphrase) → HKDF-SHA256 with a fixed word → 32-byte Ed25519 seed of the root key.

Rules:
- The seed comes from the words, not from the entropy: the same entropy written in another
  language is another phrase and **another root key**. A phrase is never translated.
- Only words of the lists reach the seed. What was typed is brought to the list's own form first,
  so composed and decomposed Hangul, full-width forms, capitals, numbering, punctuation and any
  kind of blank give the same key.
- Neither phrase nor root key is kept: callers hold them for as long as one `with` block.

Left to others: asking for it, showing it (`phrase_file` for a start without a terminal).
Source: BIP-39; RFC 5869.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, Self, get_args

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mnemonic import Mnemonic
from nacl.bindings import crypto_sign_seed_keypair

from node.protocol import limits
from node.wallet.errors import Problem, WalletError
from node.wallet.secret import Secret, wipe

Language = Literal["ko", "zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

WORD_ROOT_KEY: Final = b"wetalk/1 root\0"
ENTROPY_SIZE_BYTES: Final = 32
SEED_SIZE_BYTES: Final = 32

LIST_NAMES: Final[dict[Language, str]] = {
    "ko": "korean",
    "zh": "chinese_simplified",
    "en": "english",
}
HAN: Final = "\u3400-\u9fff"
# A Chinese character is a word of its own, however it is spaced; digits and signs separate.
TYPED_WORD: Final = re.compile(f"[{HAN}]|[^\\W\\d_{HAN}]+")
HAN_WORD: Final = re.compile(f"[{HAN}]")
HANGUL_WORD: Final = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
# Letters by category, blanks by look: the fillers of Hangul, after NFKC.
FILLERS: Final = str.maketrans("\u115f\u1160", "  ")
ZERO_WIDTH_SPACE: Final = "\u200b"
# English words differ within four letters (BIP-39), so four of them name one.
ENGLISH_PREFIX_CHARACTERS: Final = 4


class PhraseError(WalletError):
    """What was typed is no recovery phrase. Says where, never what was typed.

    `position` counts words from 1 and is set for an unknown word; `suggestions` are up to three
    words of the list that look like it, the likeliest first.
    """

    def __init__(
        self,
        code: Problem,
        *,
        position: int | None = None,
        suggestions: tuple[str, ...] = (),
        found: int | None = None,
    ) -> None:
        self.position = position
        self.suggestions = suggestions
        self.found = found
        super().__init__(
            code,
            position=position,
            suggestions=", ".join(suggestions),
            found=found,
            needed=limits.PHRASE_WORDS_COUNT,
        )


@dataclass(frozen=True, slots=True, repr=False)
class TypedWords(Secret):
    """Words as typed, cleaned, in the language most of them are written in. Not checked."""

    language: Language
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Phrase(Secret):
    """A valid phrase: 24 words of one list, composed (NFC). Made by `new_phrase` and `check`."""

    language: Language
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words with a blank between them, for showing."""
        return " ".join(self.words)


class RootKey(Secret):
    """The root key for the length of a `with` block; afterwards its seed is zeros."""

    __slots__ = ("public_key", "seed")

    def __init__(self, seed: bytes) -> None:
        self.public_key = crypto_sign_seed_keypair(seed)[0]
        self.seed = bytearray(seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        wipe(self.seed)


@cache
def _list_of(language: Language) -> Mnemonic:
    return Mnemonic(LIST_NAMES[language])


@cache
def word_list(language: Language) -> tuple[str, ...]:
    """The 2,048 words of a language in their fixed order, composed (NFC)."""
    return tuple(unicodedata.normalize("NFC", word) for word in _list_of(language).wordlist)


def new_phrase(language: Language, entropy: bytes | None = None) -> Phrase:
    """A phrase of 24 words from 32 bytes of the system's randomness, or from `entropy`."""
    if entropy is None:
        entropy = secrets.token_bytes(ENTROPY_SIZE_BYTES)
    if len(entropy) != ENTROPY_SIZE_BYTES:
        raise ValueError("entropy of a phrase is 32 bytes")
    sentence = unicodedata.normalize("NFC", _list_of(language).to_mnemonic(entropy))
    return Phrase(language, tuple(sentence.split(" ")))


def normalise(text: str) -> TypedWords:
    """Words of `text`, whatever its blanks, capitals, width, numbering and Unicode form.

    The language is the one most words are written in; Korean, then Chinese, on a tie. Raises
    PhraseError `phrase-long`.
    """
    if len(text) > limits.PHRASE_MAX_CHARACTERS:
        raise PhraseError(Problem.PHRASE_LONG)
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Soft hyphens, joiners and direction marks come with pasted text and stand inside words.
    visible = (c for c in folded if c == ZERO_WIDTH_SPACE or unicodedata.category(c) != "Cf")
    words: list[str] = TYPED_WORD.findall("".join(visible).translate(FILLERS))
    languages = [_language_of(word) for word in words]
    language = max(LANGUAGES, key=lambda known: languages.count(known))
    return TypedWords(language, tuple(words))


def check(text: str) -> Phrase:
    """The phrase that `text` spells. Raises PhraseError: how many words, which word, or checksum.

    The checksum has 8 bits: one wrong but known word in 256 goes unnoticed here, and is found out
    because the root key is not the member's.
    """
    typed = normalise(text)
    if len(typed.words) != limits.PHRASE_WORDS_COUNT:
        raise PhraseError(Problem.PHRASE_COUNT, found=len(typed.words))
    known = frozenset(word_list(typed.language))
    for position, word in enumerate(typed.words, start=1):
        if word not in known:
            near = suggestions(word, typed.language)
            code = Problem.PHRASE_WORD_NEAR if near else Problem.PHRASE_WORD
            raise PhraseError(code, position=position, suggestions=near)
    phrase = Phrase(typed.language, typed.words)
    if not _list_of(phrase.language).check(phrase.text):
        raise PhraseError(Problem.PHRASE_CHECKSUM)
    return phrase


def suggestions(word: str, language: Language) -> tuple[str, ...]:
    """Up to three words of the list that a cleaned, unknown `word` may have been meant to be."""
    if language == "zh":
        return _simplified(word)
    import difflib  # only ever needed where a word is wrong

    # Korean is compared letter by letter (jamo), since one wrong letter changes the syllable.
    target = unicodedata.normalize("NFD", word)
    candidates = {unicodedata.normalize("NFD", known): known for known in word_list(language)}
    count = limits.PHRASE_SUGGESTIONS_MAX_COUNT
    near = [candidates[form] for form in difflib.get_close_matches(target, candidates, count)]
    if language == "en" and len(word) >= ENGLISH_PREFIX_CHARACTERS:
        prefix = word[:ENGLISH_PREFIX_CHARACTERS]
        near = [known for known in word_list("en") if known.startswith(prefix)] + near
    return tuple(dict.fromkeys(near))[:count]


def _simplified(character: str) -> tuple[str, ...]:
    """The simplified form of a traditional character; the two lists run in parallel."""
    traditional = Mnemonic("chinese_traditional").wordlist
    pairs = zip(traditional, word_list("zh"), strict=True)
    return tuple(simplified for other, simplified in pairs if other == character)


def bip39_seed(phrase: Phrase, passphrase: str = "") -> bytes:
    """The 64-byte seed of BIP-39. WeTalk's keys always use the empty passphrase."""
    return Mnemonic.to_seed(phrase.text, passphrase)


def root_seed(phrase: Phrase) -> bytes:
    """The 32-byte Ed25519 seed of the root key: HKDF-SHA256, no salt, over the BIP-39 seed."""
    kdf = HKDF(algorithm=SHA256(), length=SEED_SIZE_BYTES, salt=None, info=WORD_ROOT_KEY)
    return kdf.derive(bip39_seed(phrase))


def root_key(phrase: Phrase) -> RootKey:
    """The root key of `phrase`, for a `with` block; its public key is the member id."""
    return RootKey(root_seed(phrase))


def _language_of(word: str) -> Language:
    if HAN_WORD.match(word):
        return "zh"
    return "ko" if HANGUL_WORD.match(word) else "en"
