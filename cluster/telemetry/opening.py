"""What a process tells, and to whom: made from a few plain options, which travel to a ticket host as they are.

Nothing heavy is imported unless it is wanted: a host that Ray restarts must be back at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from actors.metrics import Emitter
from actors.telemetry import SilentMeter, SilentTracer, Telemetry, Tracer
from cluster.telemetry.logs import configure_logs


@dataclass(frozen=True, slots=True)
class TelemetryOptions:
    """`traces_url` is empty when nothing is traced."""

    metrics: bool = False
    traces_url: str = ""
    log_level: str = "info"


UNHEARD = TelemetryOptions()
"""Logs only."""


@cache
def open_telemetry(options: TelemetryOptions, name: str) -> Telemetry:
    """Once for this process; `name` is the emitter's, or that of a process that emits nothing."""
    configure_logs(options.log_level)
    emitters = {str(one): one for one in Emitter}
    if options.metrics and name in emitters:
        from cluster.telemetry.ray_meter import RayMeter

        meter = RayMeter(emitters[name])
    else:
        meter = SilentMeter()
    return Telemetry(meter, _tracer(options.traces_url, name))


def _tracer(url: str, name: str) -> Tracer:
    if not url:
        return SilentTracer()
    from cluster.telemetry.otel import open_tracer  # the extra `otel`

    return open_tracer(url, name)
