"""What page and desk say to each other, as it goes over the wire: docs/adr/0004-the-page.md lays it down."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias, cast

from imu.core.canonical import canonical_json
from imu.core.errors import RetrogaitError

PING: Final = '{"type": "ping"}'
STALE: Final = '{"type": "ping", "stale": true}'
"""The program lives, and what it last said is not what is now."""
LONGEST_TEXT: Final = 2000
"""Characters of a note; nothing else that a person types is as long."""
SHOWN: Final = 40
"""Characters of what was not understood."""
LARGEST: Final = 1e6
"""Limits of cues are degrees or steps a minute."""

Command: TypeAlias = Mapping[str, Any]
Notice: TypeAlias = dict[str, Any]
"""What is told once: {"event": "contact" | "cue" | "warning", ...}."""


class _Wants(NamedTuple):
    """Of a value: its types in words, and whether it may be left out."""

    kind: str
    optional: bool = False


_TEXT, _FLAG, _ANY = _Wants("text"), _Wants("true or false"), _Wants("text, a number, true, false or null")
_TEXT_OR_NULL, _NUMBER = _Wants("text or null"), _Wants("a number")
_KINDS: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {
        "text": (str,),
        "true or false": (bool,),
        "a number": (int, float),
        "text or null": (str, type(None)),
        "a number or null": (int, float, type(None)),
        "text, a number, true, false or null": (str, int, float, bool, type(None)),
    }
)
COMMANDS: Final[Mapping[str, Mapping[str, _Wants]]] = MappingProxyType(
    {
        "subject": {"code": _TEXT},
        "against": {"session": _TEXT_OR_NULL},
        "scan": {},
        "bind": {"serial": _TEXT, "sensor": _TEXT},
        "unbind": {"sensor": _TEXT},
        "check": {"id": _TEXT, "done": _FLAG},
        "note_of": {"key": _TEXT, "value": _ANY},
        "belt": {"speed": _TEXT},
        "protocol": {"name": _TEXT_OR_NULL},
        "start": {},
        "next": {},
        "pause": {},
        "resume": {},
        "mark": {},
        "note": {"text": _TEXT},
        "cue": {
            "metric": _Wants("text", optional=True),
            "low": _Wants("a number or null", optional=True),
            "high": _Wants("a number or null", optional=True),
            "hold": _Wants("a number", optional=True),
            "sound": _Wants("text", optional=True),
            "muted": _Wants("true or false", optional=True),
            "fade": _Wants("true or false", optional=True),
            "metronome_spm": _Wants("a number or null", optional=True),
        },
        "recover": {"log": _TEXT},
        "stop": {},
    }
)
"""What a page may ask for. Whether it makes sense just then is the desk's to say."""


class BadCommand(RetrogaitError, ValueError):
    """What came from a page is none of COMMANDS."""

    def __init__(self, message: str, *, do: str = "") -> None:
        super().__init__(message)
        self.do = do
        """What it said it wants, as far as that is known."""


def parse_command(said: str | bytes) -> Command:
    """A frame from a page: its `do` and exactly the values that go with it.

    Raises:
        BadCommand: what was got, and what is wanted.
    """
    if isinstance(said, bytes):
        raise BadCommand("got a binary frame; want a command, an object of JSON")
    try:
        document = json.loads(said, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BadCommand(f"got {_shown(said)}; want a command, an object of JSON") from None
    if not isinstance(document, dict):
        raise BadCommand(f'got {_shown(said)}; want an object {{"do": ...}}')
    command = cast("dict[str, Any]", document)
    do = command.pop("do", None)
    if not isinstance(do, str) or do not in COMMANDS:
        raise BadCommand(f"got do {_shown(do)}; want one of {', '.join(COMMANDS)}", do=_clear(do))
    wanted = COMMANDS[do]
    for key in command:
        if key not in wanted:
            raise BadCommand(f"{do} got {_shown(key)}; want {', '.join(wanted) or 'nothing with it'}", do=do)
    for key, wants in wanted.items():
        if key in command:
            _check(do, key, command[key], wants)
        elif not wants.optional:
            raise BadCommand(f"{do} got no {key}; want {wants.kind}", do=do)
    return MappingProxyType({"do": do, **command})


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _check(do: str, key: str, value: object, wants: _Wants) -> None:
    kinds = _KINDS[wants.kind]
    # to Python true is a number too
    right = bool in kinds if isinstance(value, bool) else isinstance(value, kinds)
    if not right:
        raise BadCommand(f"{do} got {key} {_shown(value)}; want {wants.kind}", do=do)
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise BadCommand(f"{do} got a {key} of {len(value)} characters; want at most {LONGEST_TEXT}", do=do)
    if isinstance(value, str) and _clear(value) != value:
        raise BadCommand(f"{do} got a {key} with half a character; want whole ones", do=do)
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise BadCommand(f"{do} got {key} {_shown(value)}; want at most {LARGEST:g}", do=do)


def _clear(value: object) -> str:
    """Of text what can be written as UTF-8."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _shown(value: object) -> str:
    text = " ".join(_clear(value).split()) if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def refused_text(do: str, why: object) -> str:
    """To the one who asked."""
    return canonical_json({"type": "refused", "do": do[:SHOWN], "why": " ".join(str(why).split())})


def event_text(event: Mapping[str, Any]) -> str:
    """What happened, told once."""
    return canonical_json({**event, "type": "event"})


class Members(NamedTuple):
    """A document key by key, each as JSON."""

    texts: dict[str, str]
    slip: ValueError | None
    """A key says what JSON can't, and was left out."""


def members(document: Mapping[str, Any]) -> Members:
    """What can be told of a document."""
    texts: dict[str, str] = {}
    slip = None
    for key, value in document.items():
        try:
            texts[key] = canonical_json({key: value})[1:-1]
        except ValueError as why:
            slip = why
    return Members(texts, slip)


class Parts:
    """What of a document's members has changed since they were told last."""

    def __init__(self) -> None:
        self._told: Mapping[str, str] = {}

    def changed(self, texts: Mapping[str, str]) -> str | None:
        """The frame with those that changed; None = none did."""
        new = [text for key, text in texts.items() if self._told.get(key) != text]
        self._told = texts
        return _joined("update", new) if new else None


def document_text(texts: Mapping[str, str]) -> str:
    """The frame with all members."""
    return _joined("document", list(texts.values()))


def _joined(kind: str, members: list[str]) -> str:
    return "{" + ", ".join([f'"type": "{kind}"', *members]) + "}"
