"""What can go wrong with phrases, key files and backups, each with its stable code.

Rules: a message never holds a secret, nor a word that somebody typed as part of a phrase. Misuse by
our own code (a closed signer, a word nobody may sign) is no member of this family: it crashes.
"""

from enum import StrEnum

from node.protocol.errors import LocalFault, StorageFault


class Problem(StrEnum):
    """Codes of the wallet; each has its sentence `problem.<code>` in the catalogue."""

    PHRASE_COUNT = "phrase-count"  # not 24 words; values: found, needed
    PHRASE_WORD = "phrase-word"  # a word of no list; values: position
    PHRASE_WORD_NEAR = "phrase-word-near"  # the same; values: position, suggestions
    PHRASE_CHECKSUM = "phrase-checksum"  # all words known, but they do not belong together
    PHRASE_LONG = "phrase-long"  # far more text than a phrase has
    PHRASE_OTHER = "phrase-other"  # a good phrase, but somebody else's
    PASSWORD_EMPTY = "password-empty"
    PASSWORD_LONG = "password-long"  # values: maximum (bytes)
    PASSWORD_UNREADABLE = "password-unreadable"  # bytes that are no text
    PASSWORD_NEEDED = "password-needed"
    PASSWORD_WRONG = "password-wrong"
    FILE_MISSING = "file-missing"  # values of this group: path
    FILE_EXISTS = "file-exists"
    FILE_OWNER = "file-owner"  # belongs to another user of the machine
    FILE_KIND = "file-kind"  # a link, folder or device instead of a file
    FILE_UNREADABLE = "file-unreadable"
    HOME_PERMISSIONS = "home-permissions"  # other users of the machine may read or write it
    HOME_NOT_WRITABLE = "home-not-writable"  # a StorageFault
    DISK_FULL = "disk-full"  # a StorageFault
    KEY_DAMAGED = "key-damaged"  # torn, cut short, or bits flipped
    KEY_NEWER = "key-newer"  # written by a later program
    KEY_PURPOSE = "key-purpose"  # a host key where a device key is wanted, or vice versa
    OTHER_COMMUNITY = "other-community"  # the key belongs to another community
    BACKUP_NOT = "backup-not"  # no backup at all
    BACKUP_NEWER = "backup-newer"
    BACKUP_DAMAGED = "backup-damaged"  # or cut short: the copy was not finished


class WalletError(LocalFault):
    """Something the user can mend: `code` is a `Problem`."""


class WalletStorageError(StorageFault):
    """The disk did not take a private file: what stands there is whole, the old or the new."""
