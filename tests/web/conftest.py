"""What tests of pages share."""

from tests.firmware_bridge.conftest import run

__all__ = ["run"]
