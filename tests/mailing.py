"""The outbox of a server, as somebody who reads their mail sees it."""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage
from pathlib import Path

from tests.paying import until


class Mails:
    """The messages that a server with this data directory has sent."""

    def __init__(self, data: Path) -> None:
        self._outbox = data / "outbox"

    def to(self, address: str) -> list[EmailMessage]:
        """Those to an address, the oldest first."""
        files = sorted(self._outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        parsed = [email.message_from_bytes(path.read_bytes(), policy=policy.SMTP) for path in files]
        return [one for one in parsed if one["To"].addresses[0].addr_spec == address]

    async def link_to(self, address: str, number: int = 1) -> str:
        """The link in the message of this number (from 1) to an address, once it has come."""

        async def come() -> EmailMessage | None:
            found = self.to(address)
            return found[number - 1] if len(found) >= number else None

        message = await until(come, f"mail {number} to {address}")
        found = re.search(r"^http\S+/links/\S+", message.get_content(), re.MULTILINE)
        assert found is not None, message.get_content()
        return found[0]
