"""The version of this program."""

from typing import Final

PACKAGE: Final = "wetalk"


def program_version() -> str:
    """The version of this program, as installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "0"
