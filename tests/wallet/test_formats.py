"""Files written by an earlier version open for ever: their bytes are frozen here.

Made with the seed 00 01 … 1f, the salt 00 01 … 0f and the least cost Argon2id allows.
"""

import io
from pathlib import Path

import pytest

from node.wallet.backup import read_backup
from node.wallet.keyfile import KeyInfo, open_key
from node.wallet.private_file import write_private

COMMUNITY = bytes(range(32))
MEMBER = bytes(range(32, 64))
SEED = bytes(range(32))
PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"

OPEN_KEY = (
    "776574616c6b206b65792066696c6520310a97a6646576696365c420000102030405060708090a0b0c0d0e0f1011"
    "12131415161718191a1b1c1d1e1fc420202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d"
    "3e3fc42003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8c0c400c4200001020304"
    "05060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa2e5c032ec8cb19b42a06111ec9c088b256311"
    "07800fe2b81925ef127320bc45"
)
SEALED_KEY = (
    "776574616c6b206b65792066696c6520310a97a6646576696365c420000102030405060708090a0b0c0d0e0f1011"
    "12131415161718191a1b1c1d1e1fc420202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d"
    "3e3fc42003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b893080101c41000010203"
    "0405060708090a0b0c0d0e0fc43075cc682689f196b19eb9ff9dbaaf6070726d4ae60ad4af06b0cb557a6e8af4e8"
    "3acf3a42ef2f3762891b456efe3d746c6052bb14679ad7e78201b39d6e2988ea154ef52a1d8a952e2b32cb2ee4d8"
    "82f9"
)
BACKUP = (
    "776574616c6b206261636b757020310a000000080000000100000001000102030405060708090a0b0c0d0e0f04bb"
    "9ecb9d40563705eca43669986b56fbecdc10a33638bc9433c5547db0dbe8e08166bc36daafce1df5328c319011c9"
    "d5ffd93cca776baefbe0bc84a595ca46601bc05024bfbca25215"
)


@pytest.mark.parametrize(("frozen", "passphrase"), [(OPEN_KEY, None), (SEALED_KEY, "열려라")])
def test_a_key_file_of_version_1_opens(home: Path, frozen: str, passphrase: str | None) -> None:
    write_private(home / "device.key", bytes.fromhex(frozen))
    with open_key(home / "device.key", "device", passphrase) as opened:
        names = ("device", COMMUNITY, MEMBER, bytes.fromhex(PUBLIC))
        assert opened.info == KeyInfo(*names, sealed=passphrase is not None)
        assert bytes(opened.seed) == SEED


def test_a_backup_of_version_1_opens() -> None:
    pieces = read_backup(io.BytesIO(bytes.fromhex(BACKUP)), "열려라")
    assert b"".join(pieces) == b"two chunks"
