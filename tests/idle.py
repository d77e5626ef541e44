"""A consumer that nothing comes from."""

from __future__ import annotations


class Idle:
    """Starts, stops and is never behind."""

    consuming = True

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def lag(self) -> int:
        return 0
