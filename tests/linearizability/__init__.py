"""A linearizability checker for histories of holds; `checker` says what it shows, `model` what it takes for right."""

from tests.linearizability.checker import Anomaly, check

__all__ = ["Anomaly", "check"]
