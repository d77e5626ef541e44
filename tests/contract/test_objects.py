"""What every object store does: a directory, and fsspec's own in memory (Google's is used through the same calls)."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.ticketing import objects as module
from cluster.ticketing.objects import NAME_CHARS_MAX, THREADS_MAX, Objects, ObjectsUnavailable

PDF = "application/pdf"


@pytest.fixture(params=["file", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    urls = {"file": (tmp_path / "tickets").as_uri(), "memory": f"memory://{secrets.token_hex(6)}"}
    store = Objects(urls[request.param])
    yield store
    store.close()


def modes_below(directory: Path) -> dict[str, int]:
    """Every file and directory, with its permissions."""
    return {
        str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode)
        for path in directory.rglob("*")
    }


async def test_an_object_comes_back_as_it_was_put(objects: Objects) -> None:
    content = secrets.token_bytes(100_000)
    await objects.put("orders/k7qfm/tickets.pdf", content, PDF)
    await objects.put("orders/k7qfm/empty", b"", PDF)
    assert await objects.get("orders/k7qfm/tickets.pdf") == content
    assert await objects.get("orders/k7qfm/empty") == b""
    assert await objects.exists("orders/k7qfm/tickets.pdf")


async def test_what_was_never_put_is_not_there(objects: Objects) -> None:
    await objects.put("orders/one.pdf", b"1", PDF)
    for name in ("orders/two.pdf", "orders", "orders/one.pdf/part", "elsewhere/one.pdf"):
        assert await objects.get(name) is None
        assert not await objects.exists(name)


async def test_a_put_replaces_what_was_there(objects: Objects) -> None:
    await objects.put("one.pdf", b"a longer first version", PDF)
    await objects.put("one.pdf", b"second", PDF)
    assert await objects.get("one.pdf") == b"second"


async def test_a_file_s_name_is_on_the_disk_as_well_as_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, sync = list[os.stat_result](), os.fsync

    def noted(handle: int) -> None:
        kept.append(os.fstat(handle))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    store = Objects((tmp_path / "kept").as_uri())
    await store.put("chunks/ab/one", b"1", PDF)
    store.close()
    file = tmp_path / "kept" / "chunks" / "ab" / "one"
    assert {one.st_ino for one in kept} >= {
        path.stat().st_ino for path in (file, *file.parents[:4])
    }


async def test_a_reader_never_sees_half_an_object(objects: Objects) -> None:
    versions = [bytes([n]) * 2_000_000 for n in range(8)]
    await objects.put("one.pdf", versions[0], PDF)

    async def read() -> bytes | None:
        return await objects.get("one.pdf")

    writing = [objects.put("one.pdf", version, PDF) for version in versions]
    seen = await asyncio.gather(*writing, *[read() for _ in range(20)])
    assert set(seen[len(versions) :]) <= set(versions)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/etc/passwd", "..", "../one.pdf", "a/../b", "a//b", "a/", "./a", ".hidden"),
        *("a/.hidden", "a\\b", "a\x00b", "a b", "ä.pdf", "A.pdf", "a\n", "~root", "a?b", "a*b"),
        "a" * (NAME_CHARS_MAX + 1),
    ],
)
async def test_a_name_that_leads_elsewhere_is_refused(objects: Objects, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an object"):
        await objects.put(name, b"x", PDF)
    with pytest.raises(ValueError, match="not the name of an object"):
        await objects.get(name)
    with pytest.raises(ValueError, match="not the name of an object"):
        await objects.exists(name)


async def test_a_longest_name_is_taken(objects: Objects) -> None:
    name = "/".join(["a" * 99, "b" * (NAME_CHARS_MAX - 100)])
    await objects.put(name, b"x", PDF)
    assert await objects.get(name) == b"x"


async def test_files_and_directories_are_their_owners_alone(tmp_path: Path) -> None:
    store = Objects((tmp_path / "private/tickets").as_uri())
    await store.put("orders/one.pdf", b"x", PDF)
    store.close()
    assert modes_below(tmp_path) == {
        "private": 0o700,
        "private/tickets": 0o700,
        "private/tickets/orders": 0o700,
        "private/tickets/orders/one.pdf": 0o600,
    }


async def test_a_directory_that_cannot_be_written_to_is_an_outage_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret-place").write_text("a file where the directory should be")
    store = Objects((tmp_path / "secret-place").as_uri())
    with pytest.raises(ObjectsUnavailable) as caught:
        await store.put("one.pdf", b"x", PDF)
    store.close()
    assert "secret-place" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_failed_write_leaves_the_old_object_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Objects(tmp_path.as_uri())
    await store.put("one.pdf", b"old", PDF)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(ObjectsUnavailable):
        await store.put("one.pdf", b"new", PDF)
    assert await store.get("one.pdf") == b"old"
    assert list(modes_below(tmp_path)) == ["one.pdf"]
    store.close()


async def test_a_store_that_hangs_is_given_up_and_keeps_no_others_waiting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Objects(tmp_path.as_uri())
    monkeypatch.setattr(module, "SECONDS_MAX", 0.1)
    hanging = threading.Event()
    monkeypatch.setattr(module.Path, "read_bytes", lambda _: hanging.wait())
    calls = [store.get("one.pdf") for _ in range(2 * THREADS_MAX)]
    try:
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, ObjectsUnavailable) for outcome in outcomes)
    finally:
        hanging.set()
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        *("", "tickets", "/tickets", "file://host/tickets", "file:tickets", "gs://", "ftp://h/d"),
        "https://user:hunter2@host/d",
    ],
)
def test_another_kind_of_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="an object store is") as caught:
        Objects(url)
    assert "hunter2" not in str(caught.value)
