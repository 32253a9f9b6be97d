"""What people ask of a sitting: each at its time, one after the other, and to its end though whoever asked has left."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from inspect import signature
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from firmware_bridge.packets import BridgeError
from imu.core.errors import RetrogaitError
from imu.live.desk.setup import Refused
from imu.store.slips import likely

Time: TypeAlias = Literal["setup", "recording", "ending", "ended"]

BEFORE: Final[tuple[Time, ...]] = ("setup",)
RECORDING: Final[tuple[Time, ...]] = ("recording",)
BOTH: Final[tuple[Time, ...]] = ("setup", "recording")
REST: Final[tuple[Time, ...]] = ("setup", "ended")
"""While nothing is recorded."""

WORDS: Final[Mapping[Time, str]] = MappingProxyType(
    {
        "setup": "before the recording",
        "recording": "while it is recorded",
        "ending": "while the session is written",
        "ended": "after the end",
    }
)


class Handler(NamedTuple):
    """How a command is carried out."""

    times: tuple[Time, ...]
    """When it may be."""
    call: Callable[..., Any]
    apart: bool = False
    """It takes long, and others need not wait for it."""


class Orders:
    """Args: how each command is carried out; what time it is; what begins a task that outlives whoever asked."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        now: Callable[[], Time],
        begin: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
    ) -> None:
        self.turn: Final = asyncio.Lock()
        """What is said while another page begins or ends comes before it or after it."""
        self._handlers, self._now, self._begin = handlers, now, begin

    async def do(self, command: Mapping[str, Any]) -> None:
        """Carry out {"do": name, ...}.

        Raises:
            Refused: no such command, not now, or not with these words.
        """
        name, rest = command.get("do"), {key: value for key, value in command.items() if key != "do"}
        if not isinstance(name, str) or name not in self._handlers:
            raise Refused(f"got do {name!r}; want {', '.join(self._handlers)}{likely(str(name), self._handlers)}")
        handler = self._handlers[name]
        self._check_time(name, handler)
        try:
            signature(handler.call).bind(**rest)
        except TypeError as slip:
            raise Refused(f"{name}: {slip}") from None
        try:
            await asyncio.shield(self._begin(self._carry_out(name, handler, rest)))
        except Refused:
            raise
        except (RetrogaitError, BridgeError) as slip:
            raise Refused(str(slip)) from slip

    async def _carry_out(self, name: str, handler: Handler, rest: Mapping[str, Any]) -> None:
        async with self.turn:
            # it may have changed while this one waited
            self._check_time(name, handler)
            if not handler.apart:
                await _awaited(handler, rest)
        if handler.apart:
            await _awaited(handler, rest)

    def _check_time(self, name: str, handler: Handler) -> None:
        now = self._now()
        if now not in handler.times:
            raise Refused(f"{name}: not {WORDS[now]}; want it {' or '.join(WORDS[one] for one in handler.times)}")


async def _awaited(handler: Handler, rest: Mapping[str, Any]) -> None:
    done = handler.call(**rest)
    if isinstance(done, Awaitable):
        await done
