"""A desk without any sensor in the air."""

import asyncio

from firmware_bridge.link import host_ns


class Nowhere:
    """A radio that never finds anything."""

    host_ns = staticmethod(host_ns)

    async def supervise(self, *_args, **_said):
        await asyncio.Event().wait()

    async def find(self, _seconds):
        return []
