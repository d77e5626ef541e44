"""Files that only their owner can read, and that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replaces the file at once: a reader never sees half of it, whatever ends this process, or fills the disk."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def generated(path: Path, make: Callable[[], str]) -> str:
    """A secret of this directory, made on first use. An empty file is none: earlier versions left one when they were
    ended while they wrote it."""
    secret = path.read_text().strip() if path.exists() else ""
    if not secret:
        secret = make()
        write_private(path, secret + "\n")
    return secret
