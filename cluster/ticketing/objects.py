"""An object store: private files by name, in a directory, in Google Cloud Storage, or in memory for tests.

The stores behind it are fsspec's; a local directory is written to by hand, because there a file must appear whole, on
the disk, and readable by nobody else.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import fsspec

SECONDS_MAX = 20.0
"""How long one call may take in all."""

THREADS_MAX = 8
"""Calls at once; more wait for their turn within their time."""

NAME_CHARS_MAX = 200

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
"""No capital letters (some file systems do not tell them apart), and no part that begins with a dot."""

Result = TypeVar("Result")


class ObjectsUnavailable(Exception):
    """The store cannot be reached, does not answer in time or refuses; a write may or may not have been done.

    Holds no address and no credentials: the text may reach a client.
    """


class Objects:
    """Objects under one URL: `file:///directory`, `gs://bucket/prefix` or `memory://prefix`.

    Every method raises ObjectsUnavailable, and ValueError for a name that is none: parts of small letters, digits and
    `._-`, separated by slashes.
    """

    def __init__(self, url: str) -> None:
        """Connects lazily. Raises ValueError for another kind of URL, and ImportError for `gs` without gcsfs."""
        self._store = _store(url)
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="objects")

    async def put(self, name: str, content: bytes, media_type: str) -> None:
        """Store or replace an object, at once: a reader gets the old one or the new one. A directory keeps no media
        types."""
        await self._call(self._store.write, _checked(name), content, media_type)

    async def get(self, name: str) -> bytes | None:
        """The object, None when there is none."""
        return await self._call(self._store.read, _checked(name))

    async def exists(self, name: str) -> bool:
        return await self._call(self._store.exists, _checked(name))

    def close(self) -> None:
        """Waits for nobody: what is under way may still be done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, work: Callable[..., Result], *arguments: Any) -> Result:
        try:
            async with asyncio.timeout(SECONDS_MAX):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, work, *arguments)
        except (
            Exception
        ) as error:  # each kind of store has its own, and their texts quote addresses
            kind = type(error).__name__
            raise ObjectsUnavailable(f"the object store does not answer ({kind})") from None


class _Store(Protocol):
    """Blocking calls, with whatever errors."""

    def write(self, name: str, content: bytes, media_type: str) -> None: ...

    def read(self, name: str) -> bytes | None: ...

    def exists(self, name: str) -> bool: ...


class _Directory:
    """Files with mode 600 in directories with mode 700."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, content: bytes, media_type: str) -> None:
        path = self._root / name
        for directory in reversed([path.parent, *path.parent.parents]):
            if not directory.is_dir():
                directory.mkdir(mode=0o700, exist_ok=True)
                _keep_names(directory.parent)
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".fresh-")  # mode 600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except BaseException:
            os.unlink(fresh)
            raise
        _keep_names(path.parent)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._root / name).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def exists(self, name: str) -> bool:
        return (self._root / name).is_file()


class _Bucket:
    """A file system of fsspec's, where a written object appears whole by itself."""

    def __init__(self, protocol: str, prefix: str, **options: Any) -> None:
        self._prefix = prefix
        self._options = options
        self._kind = fsspec.get_filesystem_class(protocol)

    @cached_property
    def _files(self) -> fsspec.AbstractFileSystem:
        """Not before it is used, and so in a thread: to make one looks for credentials, also in the network."""
        return self._kind(**self._options)

    def write(self, name: str, content: bytes, media_type: str) -> None:
        self._files.pipe_file(f"{self._prefix}/{name}", content, content_type=media_type)

    def read(self, name: str) -> bytes | None:
        try:
            content = self._files.cat_file(f"{self._prefix}/{name}")
        except FileNotFoundError:
            return None
        assert isinstance(content, bytes)
        return content

    def exists(self, name: str) -> bool:
        """Not fsspec's own `exists`, which takes an outage for an absence."""
        try:
            return self._files.info(f"{self._prefix}/{name}")["type"] == "file"
        except FileNotFoundError:
            return False


def _keep_names(directory: Path) -> None:
    """A new name is on the disk when its directory is (fsync(2))."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(name: str) -> str:
    if len(name) > NAME_CHARS_MAX or _NAME.fullmatch(name) is None:
        raise ValueError("not the name of an object")
    return name


def _store(url: str) -> _Store:
    parts = urlsplit(url)
    prefix = f"{parts.netloc}{parts.path}".rstrip("/")
    match parts.scheme:
        case "file" if not parts.netloc and parts.path.startswith("/"):
            return _Directory(Path(unquote(parts.path)))
        case "gs" if parts.netloc:
            return _Bucket("gs", prefix, use_listings_cache=False, requests_timeout=SECONDS_MAX)
        case "memory":
            return _Bucket("memory", f"/{prefix}")
    raise ValueError("an object store is file:///directory, gs://bucket/prefix or memory://prefix")
