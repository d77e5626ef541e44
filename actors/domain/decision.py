"""What a command comes to."""

from __future__ import annotations

from actors.domain.events import Event
from actors.domain.rejections import Rejection

Decision = tuple[Event, ...] | Rejection
"""Events (none: it holds true already), or a refusal."""
