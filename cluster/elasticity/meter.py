"""The meter: makes a sample of what hosts report. Pure; remembers the CPU time of every host's process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.elasticity.policy import HostUse, Sample


@dataclass(frozen=True, slots=True)
class _Reading:
    pid: int
    cpu_seconds: float
    at: float


class Meter:
    """A host has a use from its second report on: CPU is a difference. One that was restarted begins anew."""

    def __init__(self) -> None:
        self._readings: dict[str, _Reading] = {}

    def sample(
        self, at: float, names: Sequence[str], reports: Sequence[Mapping[str, Any] | None]
    ) -> Sample:
        """`reports` are those of `names`, None for a host that does not answer; `at` grows from call to call."""
        before, self._readings = self._readings, {}
        uses = list[HostUse]()
        for name, report in zip(names, reports, strict=True):
            if report is None:
                continue
            reading = _Reading(report["pid"], report["cpu_seconds"], at)
            self._readings[name] = reading
            earlier = before.get(name)
            if earlier is not None and earlier.pid == reading.pid:
                used = reading.cpu_seconds - earlier.cpu_seconds
                uses.append(HostUse(max(0.0, used) / (at - earlier.at), report["depth"]))
        return Sample(at, len(names), tuple(uses))
