"""What creating a record under a given id comes to. The id follows from the Idempotency-Key, if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Created(Generic[Record]):
    """The record as stored; `replayed`: it was stored before, by the same request."""

    record: Record
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class IdTaken:
    """Another request (its fingerprint differs) has created a record under this id: the key was reused."""

    id: str
