"""The phrase of a first start without a terminal: in a private file until its owner has noted it.

Rules: the phrase goes to a 0600 file and nowhere else, never to standard output or a log; the file
goes only after the phrase was typed from the owner's own note and proved to be this member's.

Left to others: reminding (`status`), where the file lies. The file holds numbered words, one a
line; it is for reading by people, and `phrase.check` reads it too.
"""

from pathlib import Path

from node.protocol import limits
from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import Phrase, check, root_key
from node.wallet.private_file import read_private, remove_private, write_private


def write_phrase(path: Path, phrase: Phrase) -> None:
    """Write the phrase for its owner to note down. Raises as `private_file.write_private`."""
    lines = (f"{number:2}. {word}\n" for number, word in enumerate(phrase.words, start=1))
    write_private(path, "".join(lines).encode())


def read_phrase(path: Path) -> Phrase:
    """The phrase waiting in `path`. Raises WalletError file-…, PhraseError."""
    data = read_private(path, limits.PHRASE_MAX_CHARACTERS)
    return check(data.decode(errors="replace"))


def is_waiting(path: Path) -> bool:
    """True while a phrase waits to be noted and confirmed."""
    return path.exists()


def confirm(path: Path, text: str, member_id: bytes) -> None:
    """Check that `text`, typed by the owner, is the phrase of `member_id`; then remove the file.

    Raises PhraseError, WalletError phrase-other, WalletStorageError home-not-writable.
    Works without a file, too: then it only checks.
    """
    with root_key(check(text)) as key:
        if key.public_key != member_id:
            raise WalletError(Problem.PHRASE_OTHER)
    remove_private(path)
