"""Files that only their owner can read, there whole or not at all."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cluster.embedded.private_file import generated, write_private


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path, numbers = tmp_path / "key", map(str, itertools.count(1))
    assert [generated(path, lambda: next(numbers)) for _ in range(3)] == ["1", "1", "1"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("left", ["", "\n"])
def test_what_an_ended_writer_left_is_no_secret(tmp_path: Path, left: str) -> None:
    path = tmp_path / "key"
    path.write_text(left)
    assert generated(path, lambda: "made") == "made"
    assert path.read_text() == "made\n"


def test_who_is_ended_while_writing_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    write_private(path, "first")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            write_private(path, "second")
    assert path.read_text() == "first"
    write_private(path, "third")
    assert path.read_text() == "third"
