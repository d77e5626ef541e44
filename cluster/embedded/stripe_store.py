"""Where the local Stripe keeps what it has answered for: an SQLite file, written before each answer is sent.

localstripe itself writes its whole store after each request. Here an object that changed is one row, so that a request
costs the same however many payments there are, and `kill -9` forgets nothing that anybody was told.
"""

from __future__ import annotations

import io
import pickle
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

FILE = "stripe.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (number INTEGER PRIMARY KEY, key TEXT UNIQUE, class TEXT, state BLOB);
CREATE TABLE IF NOT EXISTS texts (number INTEGER PRIMARY KEY, kind TEXT, key TEXT, text BLOB, UNIQUE (kind, key));
"""


class ObjectStore(dict[str, Any]):
    """localstripe's store: objects by `type:id`. Any object whose attributes were set is written at `commit`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        directory.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(directory / FILE, isolation_level=None)
        # The operating system keeps what a killed process wrote; a power cut is not what this file is for.
        self._file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _SCHEMA)
        self._base: Any = object
        self._kinds = defaultdict[str, dict[str, Any]](dict)
        self._changed: dict[int, Any] = {}
        self._deleted: set[str] = set()
        self._texts: dict[tuple[str, str], bytes | None] = {}

    def track(self, base: Any) -> None:
        """Every attribute that is set on an object of the class `base` marks the object as changed."""

        def set_and_mark(changed: Any, name: str, value: object) -> None:
            object.__setattr__(changed, name, value)
            self._changed[id(changed)] = changed

        self._base = base
        base.__setattr__ = set_and_mark

    def dump_to_disk(self) -> None:
        """What localstripe calls after every change; `commit` comes once, before the answer."""

    def of(self, kind: str) -> Collection[Any]:
        """The objects of a kind, newest last: localstripe looks through all that there are."""
        return self._kinds[kind].values()

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._kinds[key.partition(":")[0]][key] = value

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        del self._kinds[key.partition(":")[0]][key]
        self._deleted.add(key)

    def clear(self) -> None:
        self._deleted.update(self)
        self._kinds.clear()
        super().clear()

    def put_text(self, kind: str, key: str, text: bytes | None) -> None:
        """Keeps a text of another kind than localstripe's objects; None takes it out."""
        self._texts[kind, key] = text

    def texts(self, kind: str) -> list[tuple[str, bytes]]:
        """In the order in which they were first put."""
        select = "SELECT key, text FROM texts WHERE kind = ? ORDER BY number"
        return self._file.execute(select, (kind,)).fetchall()

    def load(self, resources: Any) -> None:
        """Reads everything back; objects that refer to each other are the same objects again."""
        rows = self._file.execute("SELECT key, class, state FROM objects ORDER BY number")
        states = dict[str, bytes]()
        for key, name, state in rows:
            found = getattr(resources, name)
            self[key] = found.__new__(found)
            states[key] = state
        for key, state in states.items():
            self[key].__dict__.update(_Unpickler(state, self).load())

    def commit(self) -> None:
        """Writes what has changed since the last time."""
        changed, self._changed = self._changed, {}
        deleted, self._deleted = self._deleted, set()
        texts, self._texts = self._texts, {}
        if not (changed or deleted or texts):
            return
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT INTO objects (key, class, state) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET state = excluded.state",
            self._rows(changed),
        )
        self._file.executemany("DELETE FROM objects WHERE key = ?", [(key,) for key in deleted])
        for (kind, key), text in texts.items():
            self._write_text(kind, key, text)
        self._file.execute("COMMIT")

    def close(self) -> None:
        self.commit()
        self._file.close()

    def _rows(self, changed: dict[int, Any]) -> Iterator[tuple[str, str, bytes]]:
        for thing in changed.values():
            key = _key(thing)
            if key is not None and self.get(key) is thing:
                yield key, type(thing).__name__, _state(thing, self._base)

    def _write_text(self, kind: str, key: str, text: bytes | None) -> None:
        if text is None:
            self._file.execute("DELETE FROM texts WHERE kind = ? AND key = ?", (kind, key))
        else:
            self._file.execute(
                "INSERT INTO texts (kind, key, text) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET text = excluded.text",
                (kind, key, text),
            )


def _key(thing: Any) -> str | None:
    """The key of an object of localstripe's; None for other things, and for its lists, which are answers only."""
    identity, kind = getattr(thing, "id", None), getattr(thing, "object", None)
    return f"{kind}:{identity}" if isinstance(identity, str) and isinstance(kind, str) else None


def _state(thing: Any, base: Any) -> bytes:
    written = io.BytesIO()
    _Pickler(written, base).dump(vars(thing))
    return written.getvalue()


class _Pickler(pickle.Pickler):
    """An object in another one is written as its key: it has a row of its own."""

    def __init__(self, written: io.BytesIO, base: Any) -> None:
        super().__init__(written, pickle.HIGHEST_PROTOCOL)
        self._base = base

    def persistent_id(self, obj: Any) -> str | None:
        return _key(obj) if isinstance(obj, self._base) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, state: bytes, store: dict[str, Any]) -> None:
        super().__init__(io.BytesIO(state))
        self._store = store

    def persistent_load(self, pid: str) -> Any:
        return self._store[pid]
