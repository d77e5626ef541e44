"""A show as the catalogue has it, and the blocks that it begins with: its registers and the pools of its areas."""

from __future__ import annotations

from dataclasses import dataclass

from actors.domain.cutting import REGISTERS, area_layouts, register_layout
from actors.domain.layout import BLOCK_TICKETS_MAX, Category, Layout, Rules
from cluster.time_zones import DEFAULT

BLOCKS_MAX = 999_999
"""Blocks of one show: what a hold id has room for."""

BLOCK_OPENED_SOURCE = "show"
"""The source of the blocks that are opened with the show; those of a load carry the job's id."""


@dataclass(frozen=True, slots=True)
class Area:
    """General admission: `capacity` tickets of one category, counted and not numbered."""

    area: str
    category: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Show:
    """Fixed once created. Times are ms since the epoch, UTC; `prices` are minor units by category.

    `tickets_max` is the size that the show's blocks are cut to: fixed with the show, so that a load that is repeated
    under other settings cuts the same blocks. `block_count` grows as seats are loaded. `fingerprint` is a digest of
    the creating request. One that is `unlisted` is on no list of shows: whoever has its id can buy.
    `time_zone` is that of the venue, by whose clocks people are told the times.
    """

    show_id: str
    name: str
    venue: str
    starts_at: int
    currency: str
    prices: dict[str, int]
    areas: tuple[Area, ...]
    hold_seconds: int
    max_per_order: int
    sale_opens_at: int | None
    sale_closes_at: int | None
    created_at: int
    fingerprint: str
    tickets_max: int = BLOCK_TICKETS_MAX
    registers: int = REGISTERS
    block_count: int = 0
    unlisted: bool = False
    time_zone: str = DEFAULT

    @property
    def rules(self) -> Rules:
        return Rules(
            currency=self.currency,
            hold_seconds=self.hold_seconds,
            max_per_order=self.max_per_order,
            opens_at=self.sale_opens_at,
            closes_at=self.sale_closes_at,
            registers=self.registers,
        )

    def first_layouts(self) -> list[Layout]:
        """The layouts of blocks 0 and up: the registers, then the pools of the areas."""
        layouts = [register_layout() for _ in range(self.registers)]
        for area in self.areas:
            category = Category(area.category, self.prices[area.category])
            layouts.extend(area_layouts(area.area, category, area.capacity, self.tickets_max))
        return layouts

    def area_seat_ids(self) -> set[str]:
        """The ids that the units of the areas have, which no seat may take."""
        return {
            f"{area.area}-{unit}" for area in self.areas for unit in range(1, area.capacity + 1)
        }
