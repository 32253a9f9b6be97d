"""The log of a live session: every byte that came in, in order, framed so that a crash costs its end and nothing else.

A file of frames, little endian, nothing between them:

    magic "RGL", version u8 | kind u8 | source u8 | length u32 | host_ns i64 | payload, `length` bytes | crc u32

`crc` is CRC-32 (zlib) over all of the frame before it. The first frame is the header, JSON. The CRC of every later
frame goes on from the header's, as if both were one piece: frames of another recording, which a block of the disk may
still hold after a power cut, are not taken for its own. Payloads are opaque here; drivers say what they mean.
"""

import json
import os
import struct
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple, Self, TypeAlias

from imu.core.canonical import canonical_json
from imu.core.errors import BadLog, SessionNotFound

SCHEMA: Final = "retrogait.log/1"

MAGIC: Final = b"RGL\x01"
"""Its last byte is the version of the frames."""

HEAD: Final = struct.Struct("<4sBBIq")
"""magic and version, kind, source, length of the payload, host_ns."""

CRC: Final = struct.Struct("<I")

MOST_PAYLOAD_BYTES: Final = 1 << 20
"""No notification has more than 512; a header may carry a long session document. Bounds what a reader holds."""

NO_SOURCE: Final = 255
"""Of frames that no source sent: the header, events."""

_AT_ONCE_BYTES: Final = 1 << 20


class Kind(IntEnum):
    """What a frame is. 0 is none, so that zeros are never a frame."""

    HEADER = 1
    NOTIFICATION = 2
    PING = 3
    EVENT = 4
    """JSON: marks, notes, cues, links that came and went."""
    SOURCE = 5
    """JSON: a source that was added while recording; its index is the next free one."""


class LogFrame(NamedTuple):
    """One thing that came in."""

    kind: Kind
    source: int
    """Index among the sources, in the order in which they were named; NO_SOURCE = of none."""
    host_ns: int
    """Host clock when it came."""
    payload: bytes

    def document(self) -> dict[str, Any]:
        """The payload of an event or a source; BadLog if it is no JSON object."""
        return _document(self.payload, "a frame of the log")


class Source(NamedTuple):
    """A device whose bytes the log holds."""

    serial: str
    driver: str
    """Name of the driver that can decode them."""
    sensor: str | None
    """What it is in this session, as foot_left; None = nothing that is worn."""
    identity: Mapping[str, Any]
    """What the device said of itself; JSON."""

    def document(self) -> dict[str, Any]:
        """As it is written; `parse` reads it back."""
        return self._asdict() | {"identity": dict(self.identity)}

    @classmethod
    def parse(cls, document: object) -> Self:
        """Check what a header or a SOURCE frame says.

        Raises:
            BadLog: naming the key.
        """
        said = _object(document, "a source of the log")
        for key, wanted in (("serial", str), ("driver", str), ("sensor", str | None), ("identity", dict)):
            if key not in said or not isinstance(said[key], wanted):
                raise BadLog(f"a source of the log has {key} {said.get(key)!r:.60}; want it as this version writes")
        return cls(*(said[key] for key in cls._fields))


class LogHeader(NamedTuple):
    """What was known when the recording started."""

    start_utc: str | None
    """Wall clock at `start_ns`, as session.json has it; read once and never again."""
    start_ns: int
    """Host clock, which only grows."""
    sources: tuple[Source, ...]
    session: Mapping[str, Any]
    """The document that becomes session.json; not checked here."""

    def encode(self) -> bytes:
        """Canonical JSON.

        Raises:
            ValueError: for what JSON does not have: NaN, infinity.
        """
        return canonical_json(
            {
                "schema": SCHEMA,
                "start_utc": self.start_utc,
                "start_ns": self.start_ns,
                "sources": [source.document() for source in self.sources],
                "session": dict(self.session),
            }
        ).encode()

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Check a header.

        Raises:
            BadLog: naming the key that is missing or says something impossible.
        """
        said = _document(payload, "the log's header")
        if said.get("schema") != SCHEMA:
            raise BadLog(
                f"the log has schema {said.get('schema')!r}; this version reads {SCHEMA!r} (written by a newer one?)"
            )
        for key, wanted in (("start_utc", str | None), ("start_ns", int), ("sources", list), ("session", dict)):
            if key not in said or not isinstance(said[key], wanted) or isinstance(said[key], bool):
                raise BadLog(f"the log's header has {key} {said.get(key)!r:.60}; want it as this version writes")
        sources = tuple(Source.parse(source) for source in said["sources"])
        return cls(said["start_utc"], said["start_ns"], sources, said["session"])


Damage: TypeAlias = Literal["truncated", "zeros", "no_magic", "bad_length", "bad_crc", "unknown_kind", "unreadable"]
"""Why bytes are no frame.

truncated: the file ends within it. zeros: nothing but zeros from there to the end, as a power cut leaves. bad_length:
more than any payload has. unknown_kind: whole, but of a newer version. unreadable: the disk itself refused."""


class LogEnd(NamedTuple):
    """Where whole frames end, and what stands behind."""

    frames: int
    """Whole ones, the header included."""
    whole_bytes: int
    dropped_bytes: int
    damage: Damage | None
    """None = the last frame is whole and nothing follows it."""


def encode_frame(kind: int, source: int, host_ns: int, payload: bytes | bytearray | memoryview, seed: int) -> bytes:
    """One frame; `seed` is the header's CRC, 0 for the header itself.

    Raises:
        ValueError: for a payload, source or time that no frame can hold.
    """
    if len(payload) > MOST_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes; want at most {MOST_PAYLOAD_BYTES}")
    try:
        head = HEAD.pack(MAGIC, kind, source, len(payload), host_ns)
    except struct.error as error:
        raise ValueError(
            f"kind {kind!r}, source {source!r}, host_ns {host_ns!r} fit no frame: {error}; want u8, u8, int64"
        ) from None
    body = b"".join((head, payload))
    return body + CRC.pack(zlib.crc32(body, seed))


def event_frame(host_ns: int, document: Mapping[str, Any]) -> LogFrame:
    """Something that happened.

    Raises:
        ValueError: for what JSON does not have.
    """
    return LogFrame(Kind.EVENT, NO_SOURCE, host_ns, canonical_json(document).encode())


def source_frame(index: int, host_ns: int, source: Source) -> LogFrame:
    """One more source; `index` is the next free one.

    Raises:
        ValueError: for what JSON does not have.
    """
    return LogFrame(Kind.SOURCE, index, host_ns, canonical_json(source.document()).encode())


def crc_of(frame: bytes) -> int:
    """The CRC that ends a frame."""
    return CRC.unpack_from(frame, len(frame) - CRC.size)[0]


def whole_frames(written: bytes | bytearray) -> tuple[int, int]:
    """Bytes and number of the whole frames at the start of what was encoded and is known to be right."""
    end = frames = 0
    while end + HEAD.size <= len(written):
        length = HEAD.unpack_from(written, end)[3]
        if end + HEAD.size + length + CRC.size > len(written):
            break
        end += HEAD.size + length + CRC.size
        frames += 1
    return end, frames


@contextmanager
def read_log(path: Path) -> "Generator[ReadLog]":
    """A log, to be read once from its first frame to where whole frames end. Works beside a recorder too.

    Raises:
        SessionNotFound: if there is no such file.
        BadLog: if its header is not whole or says nothing sensible; nothing after it can be understood then.
    """
    try:
        file = path.open("rb", buffering=_AT_ONCE_BYTES)
    except FileNotFoundError:
        raise not_there(path) from None
    except OSError as error:
        raise BadLog(f"{path} can't be read: {error.strerror or error}; want the log of a recording") from None
    with file:
        yield ReadLog(file, str(path))


class ReadLog:
    """An iterator over whole frames after the header. What it holds at a time is bounded, whatever the file says."""

    header: LogHeader
    sources: list[Source]
    """Those of the header, and those added in the frames read so far."""
    end: LogEnd | None
    """Once all frames were read."""
    whole_bytes: int
    """Of the frames read so far, the header included."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._frames = 0
        self.whole_bytes = 0
        self.end = None
        found = self._next(0)
        if not isinstance(found, tuple):
            raise self._no_header(found, name)
        frame, self._seed = found
        if frame.kind is not Kind.HEADER:
            raise BadLog(f"{name} begins with a frame of kind {frame.kind.name}; want the header (a piece of a log?)")
        self.header = LogHeader.parse(frame.payload)
        self.sources = list(self.header.sources)

    def __iter__(self) -> Iterator[LogFrame]:
        return self

    def __next__(self) -> LogFrame:
        if self.end is None:
            found = self._next(self._seed)
            if isinstance(found, tuple):
                frame, _ = found
                if frame.kind is Kind.SOURCE:
                    self.sources.append(Source.parse(frame.document()))
                return frame
            # a recorder may be at work: its bytes since the last look are no damage
            behind = 0 if found is None else os.fstat(self._file.fileno()).st_size - self.whole_bytes
            self.end = LogEnd(self._frames, self.whole_bytes, behind, found)
        raise StopIteration

    def _next(self, seed: int) -> tuple[LogFrame, int] | Damage | None:
        """A frame and its CRC, why there is none, or None where the file ends."""
        try:
            head = self._file.read(HEAD.size)
            if not head:
                return None
            if not any(head):
                return "zeros" if self._zeros_to_the_end() else "no_magic"
            if not MAGIC.startswith(head[: len(MAGIC)]):
                return "no_magic"
            if len(head) < HEAD.size:
                return "truncated"
            _, kind, source, length, host_ns = HEAD.unpack(head)
            if length > MOST_PAYLOAD_BYTES:
                return "bad_length"
            rest = self._file.read(length + CRC.size)
        except OSError:
            return "unreadable"
        if len(rest) < length + CRC.size:
            return "truncated"
        payload = rest[:length]
        crc = zlib.crc32(payload, zlib.crc32(head, seed))
        if crc != crc_of(rest):
            return "bad_crc"
        # a writer of the same version makes no other
        if kind not in _KINDS:
            return "unknown_kind"
        self._frames += 1
        self.whole_bytes += HEAD.size + len(rest)
        return LogFrame(_KINDS[kind], source, host_ns, payload), crc

    def _zeros_to_the_end(self) -> bool:
        while piece := self._file.read(_AT_ONCE_BYTES):
            if piece.count(0) < len(piece):
                return False
        return True

    def _no_header(self, damage: Damage | None, name: str) -> BadLog:
        self._file.seek(0)
        first = self._file.read(len(MAGIC))
        if not first:
            return BadLog(f"{name} is empty; want a log (the crash came before the recording began: nothing is lost)")
        if damage == "no_magic" and first[:-1] == MAGIC[:-1] and first != MAGIC:
            return BadLog(
                f"{name} is a log of version {first[-1]}; this version reads {MAGIC[-1]} (written by a newer one?)"
            )
        if damage == "no_magic":
            return BadLog(f"{name} is no log: it begins with {first!r}; want {MAGIC!r} (another kind of file?)")
        return BadLog(f"{name} has no whole header ({damage}); want one, without it no frame can be understood")


_KINDS: Final[Mapping[int, Kind]] = {int(kind): kind for kind in Kind}


def not_there(path: Path) -> SessionNotFound:
    """To be raised."""
    return SessionNotFound(f"{path} is not there; want the log of a recording (a typing slip?)")


def _document(payload: bytes, name: str) -> dict[str, Any]:
    try:
        return _object(json.loads(payload), name)
    except (ValueError, RecursionError) as error:
        # BadLog is a ValueError too
        if isinstance(error, BadLog):
            raise
        raise BadLog(f"{name} is no JSON; want one object (written by another program?)") from None


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadLog(f"{name} is {str(value)[:60]!r}; want a JSON object")
    return value
