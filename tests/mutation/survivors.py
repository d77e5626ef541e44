"""The survivors that may live, each with the reason why no test can tell it from the product."""

from __future__ import annotations

import tomllib
from pathlib import Path

TABLE = Path(__file__).with_name("survivors.toml")

Key = tuple[str, str, str, str, int]


def read_table(table: Path = TABLE) -> dict[Key, str]:
    """The reasons by `Mutant.key`. Raises ValueError for an entry without one, or one that is there twice."""
    reasons = dict[Key, str]()
    for entry in tomllib.loads(table.read_text("utf-8")).get("survivor", []):
        key = (*(entry[name] for name in ("path", "scope", "before", "after")), entry.get("nth", 1))
        if key in reasons or not entry["reason"].strip():
            raise ValueError(f"an entry is repeated or has no reason: {key}")
        reasons[key] = entry["reason"]
    return reasons
