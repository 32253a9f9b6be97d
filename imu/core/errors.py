"""What can go wrong, one class a failure.

Every message is one line: what was got, what was wanted, the likely slip. Every class is also a builtin type, so that
a caller who knows nothing of this package still catches what he expects.
"""


class RetrogaitError(Exception):
    """Anything this package refuses. The command line prints it as one line and never shows a traceback."""


class SessionError(RetrogaitError, ValueError):
    """A session that can't be analysed; the others of the same call go on."""


class SessionNotFound(SessionError, FileNotFoundError):
    """A path that is not there, or holds no session."""

    # FileNotFoundError prints errno and file names; one plain line is wanted
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BadSessionFile(SessionError):
    """`session.json` is no JSON, lacks a key, or says something impossible."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class BadRawFile(SessionError):
    """A raw file that can't be read, or whose columns or units are not those of the contract."""

    def __init__(self, message: str, *, sensor: str, column: str | None = None) -> None:
        super().__init__(message)
        self.sensor = sensor
        self.column = column


class BadTableFile(SessionError):
    """A table (events, stream, treadmill, truth) that can't be read, or whose columns are not those of the contract."""

    def __init__(self, message: str, *, table: str, column: str | None = None) -> None:
        super().__init__(message)
        self.table = table
        self.column = column


class BadImport(SessionError):
    """A foreign recording, or the map that explains its columns, that can't be made a session."""

    def __init__(self, message: str, *, source: str, column: str | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.column = column


class CannotWrite(SessionError, OSError):
    """A place where nothing can be written: no room, no permission, or a symlink that leads out of the store."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BadLog(SessionError):
    """A log of a live session of which nothing can be understood: no whole header, or one that says nothing sensible.

    A log that breaks off later is no error; its reader says where.
    """


class CannotRecord(RetrogaitError, OSError):
    """A log that can't be begun or can't go on. What is on disk stays, whole to its last frame."""

    def __init__(self, message: str, *, path: str, lost_frames: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.lost_frames = lost_frames
        """At most so many that were taken in are not in it, at its end."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class DiskFull(CannotRecord):
    """No room for the log, or none any more."""


class LogInUse(CannotRecord, BlockingIOError):
    """A log that another recorder is writing."""


class RecorderOverrun(CannotRecord, BufferError):
    """A disk that took longer than memory for what came in meanwhile is allowed."""


class UnusableRecording(SessionError):
    """A sensor of whose rows fewer than half are usable after repair."""

    def __init__(self, message: str, *, sensor: str, usable: int, rows: int) -> None:
        super().__init__(message)
        self.sensor = sensor
        self.usable = usable
        self.rows = rows


class DuplicateSession(SessionError, FileExistsError):
    """A second input with the same subject and session in one output store."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BadSpec(RetrogaitError, ValueError):
    """A simulated person, protocol or sensor that can't be, or a simulation's file that says so."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class UsageError(RetrogaitError, ValueError):
    """The command was called wrongly: exit 2."""
