"""PromQL about metrics of the registry: a name that is not there cannot be written. Pure.

Everything is summed up over processes: Ray labels each series with its worker.
"""

from __future__ import annotations

from actors.metrics import Kind, Metric

RATE = "$__rate_interval"
"""Grafana's: four scrapes or more, and no finer than the picture."""


def selector(metric: Metric, match: str = "", part: str = "") -> str:
    """The series of a metric (of a histogram: of its `bucket`, `sum` or `count`) that match."""
    name = f"{metric.exported}_{part}" if part else metric.exported
    return f"{name}{{{match}}}" if match else name


def rate(metric: Metric, by: str = "", match: str = "", window: str = RATE) -> str:
    """Events a second; of a histogram, observations a second."""
    part = "count" if metric.kind is Kind.HISTOGRAM else ""
    return _summed("sum", f"rate({selector(metric, match, part)}[{window}])", by)


def quantile(q: float, metric: Metric, by: str = "", match: str = "", window: str = RATE) -> str:
    """A quantile of a histogram."""
    labels = f"le, {by}" if by else "le"
    buckets = f"rate({selector(metric, match, 'bucket')}[{window}])"
    return f"histogram_quantile({q}, {_summed('sum', buckets, labels)})"


def total(metric: Metric, by: str = "") -> str:
    """A gauge, of all processes together."""
    return _summed("sum", selector(metric), by)


def most(metric: Metric, by: str = "", match: str = "") -> str:
    """A gauge, of the process with the most."""
    return _summed("max", selector(metric, match), by)


def increase(metric: Metric, window: str, by: str = "", match: str = "") -> str:
    return _summed("sum", f"increase({selector(metric, match)}[{window}])", by)


def _summed(function: str, expression: str, by: str) -> str:
    return f"{function} by ({by}) ({expression})" if by else f"{function}({expression})"
