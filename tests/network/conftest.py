"""What many stories begin with: the same people as in those of the services."""

from tests.services.conftest import people

__all__ = ["people"]
