"""What a command came to: accepted, refused (a `Rejection`), or not known because something is down."""

from __future__ import annotations

from dataclasses import dataclass

from actors.domain.block import Hold
from actors.domain.rejections import Rejection


@dataclass(frozen=True, slots=True)
class Accepted:
    """The command holds true and is durable. `hold` is the block's record of the token it names, if any;
    after ExpireDue it is the hold that ends next.

    `replayed`: it was so before; nothing was written.
    """

    hold: Hold | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No definite answer: the command may or may not have been done. Asking again with the same token is safe."""

    detail: str
    retry_after_seconds: int = 1


Outcome = Accepted | Rejection | Unavailable
