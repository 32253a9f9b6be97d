"""What tests of the live chain share."""

from tests.firmware_bridge.conftest import run

__all__ = ["run"]
