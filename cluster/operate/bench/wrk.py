"""Load from wrk, a native client: a Python one would measure itself."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cluster.operate.command import CommandError

SCRIPT = Path(__file__).with_name("requests.lua")
MISSING = "wrk is not installed; it makes the load: apt-get install wrk"
GRACE_SECONDS = 30.0
TIMEOUT = "30s"
RESULT = "RESULT "


class Load(msgspec.Struct, frozen=True):
    """One run. `refused` are answers of 400 and more, `lost` those that never came; latencies in microseconds."""

    requests: int
    refused: int
    lost: int
    microseconds: int
    p50_us: int
    p99_us: int

    @property
    def succeeded(self) -> int:
        return self.requests - self.refused

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / (self.microseconds / 1e6)


@dataclass(frozen=True, slots=True)
class Wrk:
    """wrk against one server. `directory` takes the files of request bodies."""

    url: str
    directory: Path

    def get(self, path: str, connections: int, seconds: float) -> Load:
        return self._run(path, "-", "-", connections, seconds)

    def post(
        self, path: str, bodies: Iterable[str], connections: int, seconds: float, key: str = "-"
    ) -> Load:
        """Each body once, in order, and from the beginning again when all were sent. `key`: see the script."""
        file = self.directory / "bodies"
        file.write_text("".join(f"{body}\n" for body in bodies))
        return self._run(path, str(file), key, connections, seconds)

    def _run(self, path: str, bodies: str, key: str, connections: int, seconds: float) -> Load:
        program = wrk_binary()
        command = [program, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", TIMEOUT]
        command += ["--latency", "-s", str(SCRIPT), self.url, "--", path, bodies, key]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS, check=False
        )
        return parsed(done.stdout) if done.returncode == 0 else _failed(done.stderr)


def parsed(output: str) -> Load:
    """The line that the script prints. Raises CommandError without one."""
    for line in output.splitlines():
        if line.startswith(RESULT):
            return msgspec.json.decode(line.removeprefix(RESULT), type=Load)
    raise CommandError("wrk gave no result")


def wrk_binary() -> str:
    """Raises CommandError with what to do when it is missing."""
    found = shutil.which("wrk")
    if found is None:
        raise CommandError(MISSING, "wrk_missing")
    return found


def _failed(stderr: str) -> Load:
    raise CommandError(f"wrk failed: {stderr.strip()[-300:]}")
