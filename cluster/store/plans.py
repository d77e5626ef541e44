"""Seating plans in columnar documents, one per block: what a load job cut, before its blocks are opened."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Sequence

from actors.domain.identity import seat_id
from actors.domain.layout import Category, Layout, Row
from cluster.store.mongo import Collection, Database, Document, Write

PLANS_READ_MAX = 200
"""Plans read at a time: at 2,000 seats each about 10 MB."""

_SEAT_COLUMNS = {"section": 1, "rows": 1, "sizes": 1, "numbers": 1, "block": 1}


class Plans:
    """Every method raises StoreUnavailable. A stored plan never changes."""

    def __init__(self, database: Database) -> None:
        self._plans: Collection = database.collection("plans")

    async def ensure_indexes(self) -> None:
        await self._plans.ensure_index([("show_id", 1), ("block", 1)], unique=True)

    async def put(self, show_id: str, job_id: str, first: int, layouts: Sequence[Layout]) -> None:
        """Store the plans of blocks `first` and up; those that are there already stay as they are."""
        await self._plans.write_all(
            [
                Write(
                    {"_id": f"{show_id}/{block}"},
                    {"$setOnInsert": _document(show_id, job_id, block, layout)},
                    upsert=True,
                )
                for block, layout in enumerate(layouts, start=first)
            ]
        )

    async def read(self, show_id: str, first: int, count: int) -> AsyncIterator[tuple[int, Layout]]:
        """The plans of blocks `first` to `first + count - 1` that there are, in order."""
        async for document in self._pages(show_id, first, first + count):
            yield document["block"], _layout(document)

    async def seat_ids(self, show_id: str, except_job: str = "") -> set[str]:
        """The ids of all seats in the plans of a show, but for what a job itself has put there."""
        known = set[str]()
        async for document in self._pages(show_id, 0, None, except_job):
            known.update(_seat_ids(document))
        return known

    async def _pages(
        self, show_id: str, first: int, end: int | None, except_job: str = ""
    ) -> AsyncIterator[Document]:
        fields = _SEAT_COLUMNS if end is None else None
        while end is None or first < end:
            span = {"$gte": first} if end is None else {"$gte": first, "$lt": end}
            where = {"show_id": show_id, "block": span, "job_id": {"$ne": except_job}}
            page = await self._plans.find(
                where, limit=PLANS_READ_MAX, sort=[("block", 1)], fields=fields
            )
            for document in page:
                yield document
            if len(page) < PLANS_READ_MAX:
                return
            first = page[-1]["block"] + 1


def _document(show_id: str, job_id: str, block: int, layout: Layout) -> Document:
    """One array per column; `x` and `y` are packed little-endian doubles, `category_of` one byte per seat."""
    return {
        "show_id": show_id,
        "block": block,
        "job_id": job_id,
        "section": layout.section,
        "size": layout.size,
        "rows": [row.name for row in layout.rows],
        "sizes": [len(row.numbers) for row in layout.rows],
        "numbers": [number for row in layout.rows for number in row.numbers],
        "categories": [category.name for category in layout.categories],
        "prices": [category.price for category in layout.categories],
        "category_of": layout.category_of,
        "x": _packed(layout.x),
        "y": _packed(layout.y),
        "focal": list(layout.focal),
        "first_unit": layout.first_unit,
        "accessible": list(layout.accessible),
    }


def _layout(document: Document) -> Layout:
    rows, first = list[Row](), 0
    for name, size in zip(document["rows"], document["sizes"], strict=True):
        rows.append(Row(name, first, tuple(document["numbers"][first : first + size])))
        first += size
    focal_x, focal_y = document["focal"]
    return Layout(
        document["section"],
        tuple(rows),
        document["size"],
        tuple(map(Category, document["categories"], document["prices"])),
        bytes(document["category_of"]),
        _unpacked(document["x"]),
        _unpacked(document["y"]),
        (focal_x, focal_y),
        document["first_unit"],
        tuple(document.get("accessible", ())),
    )


def _seat_ids(document: Document) -> list[str]:
    section, numbers = document["section"], iter(document["numbers"])
    return [
        seat_id(section, row, next(numbers))
        for row, size in zip(document["rows"], document["sizes"], strict=True)
        for _ in range(size)
    ]


def _packed(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def _unpacked(packed: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(packed) // 8}d", packed)
