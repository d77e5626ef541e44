"""What a round of commits does to a block of the read model."""

from __future__ import annotations

from dataclasses import dataclass, field

from cluster.store.ticket import Deadline, TicketState


@dataclass(frozen=True, slots=True)
class BlockOpening:
    """What never changes about the tickets of a block, in columns: `category_of[i]` indexes `categories`.

    All of them are available as of `sequence`.
    """

    section: str
    seats: tuple[str, ...]
    categories: tuple[str, ...]
    category_of: bytes
    sequence: int


@dataclass(slots=True)
class BlockChange:
    """The last state of every ticket, and the last deadline of every hold (None: it has ended), that changed.

    `sequence` is the last commit's that is in it. With an `opening` it is all there is to know of the block.
    """

    show_id: str
    block: int
    sequence: int = 0
    opening: BlockOpening | None = None
    tickets: dict[int, TicketState] = field(default_factory=dict[int, TicketState])
    deadlines: dict[str, Deadline | None] = field(default_factory=dict[str, Deadline | None])
