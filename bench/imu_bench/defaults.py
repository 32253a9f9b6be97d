"""What commands share: where results go, and how one speaks of what is done."""

import sys
from pathlib import Path
from typing import Final

OUT: Final = Path("imu-bench-out")


def say(note: str) -> None:
    """A line beside the results."""
    sys.stderr.write(f"imu-bench: {note}\n")
    sys.stderr.flush()
