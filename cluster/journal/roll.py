"""A roll call over core NATS: every process that follows a subject says that it is there, and then that it has done it.

Not durable: who does not answer is not counted, and nothing depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

PRESENT = b"present"
DONE = b"done"
FAILED = b"failed"
PRESENT_SECONDS = 1.0
"""How long a process may take to say that it is there."""

_tasks = set[asyncio.Task[None]]()


async def call_roll(nc: Client, subject: str, payload: bytes, seconds: float) -> tuple[int, int]:
    """How many processes were there, and how many of them have done it within so many seconds."""
    answers = {PRESENT: 0, DONE: 0, FAILED: 0}
    changed = asyncio.Event()

    async def on_answer(message: Msg) -> None:
        if message.data in answers:  # else it says that nobody listens
            answers[message.data] += 1
            changed.set()

    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox, cb=on_answer)
    try:
        async with asyncio.timeout(seconds):
            await nc.publish(subject, payload, reply=inbox)
            await asyncio.sleep(PRESENT_SECONDS)
            while answers[DONE] + answers[FAILED] < answers[PRESENT]:
                changed.clear()
                await changed.wait()
    except (TimeoutError, NatsError, OSError):
        pass  # what is known by now is the answer
    finally:
        await subscription.unsubscribe()
    return answers[PRESENT], answers[DONE]


async def answer_roll(nc: Client, subject: str, handle: Callable[[bytes], Awaitable[bool]]) -> None:
    """Answer every call of `subject`, as long as the connection lasts, with whether `handle` has done it."""

    async def respond(message: Msg) -> None:
        await message.respond(PRESENT)
        try:
            done = await handle(message.data)
        except Exception:  # whatever it was, the caller learns that it was not done
            done = False
        await message.respond(DONE if done else FAILED)

    async def on_call(message: Msg) -> None:
        task = asyncio.create_task(respond(message))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    await nc.subscribe(subject, cb=on_call)
