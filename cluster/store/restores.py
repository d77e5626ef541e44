"""Whether a restore from a backup is under way: until it is finished, nobody may sell from what is there so far."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.store.mongo import Collection, Database, StoreError

_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Restoration:
    """`sequence` is the end of the journal that it restores."""

    backup: str
    sequence: int


class Restores:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._restores: Collection = database.collection("restores")

    async def begin(self, restoration: Restoration) -> bool:
        """Before anything is written; whether it may be: of two that differ one begins."""
        document = {"backup": restoration.backup, "sequence": restoration.sequence}
        begun = await self._restores.insert({"_id": _CURRENT, **document})
        return begun or await self.unfinished() == restoration

    async def unfinished(self) -> Restoration | None:
        document = await self._restores.find_one({"_id": _CURRENT})
        return None if document is None else Restoration(document["backup"], document["sequence"])

    async def finish(self) -> None:
        """Everything is there."""
        await self._restores.delete({"_id": _CURRENT})

    async def refuse_unfinished(self) -> None:
        """Raises StoreError while a restore is unfinished."""
        if restoration := await self.unfinished():
            raise StoreError(
                f"the restore of {restoration.backup} is not finished: run `frontrow restore` again"
            )
