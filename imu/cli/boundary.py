"""Where what nobody foresaw becomes one line: the one broad `except` of the house."""

import os
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from imu.core.errors import RetrogaitError

DEBUG: Final = "IMU_DEBUG"


class InternalError(RetrogaitError, RuntimeError):
    """A mistake of this program, not of its user."""


@contextmanager
def no_traceback() -> Generator[None]:
    """Whatever is neither a refusal nor the system's becomes an `InternalError`; IMU_DEBUG=1 prints its traceback.

    Raises:
        InternalError: naming the class and the first line of what was raised.
    """
    try:
        yield
    except (RetrogaitError, OSError):
        raise
    # a mistake in one session must neither stop the others nor frighten anyone
    except Exception as error:
        hint = f"run with {DEBUG}=1 for the traceback"
        if os.environ.get(DEBUG, "0") != "0":
            traceback.print_exc()
            hint = "the traceback is above"
        raise InternalError(f"internal error: {type(error).__name__}: {one_line(error)}; {hint}") from error


def one_line(problem: object) -> str:
    """The text of a problem without line breaks."""
    return " ".join(str(problem).split())
