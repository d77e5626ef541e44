"""Two live ticket hosts made to own one block: run as a program, because it starts a Ray of its own.

`python -m tests.faults.duel DIRECTORY NATS_URL MONGODB_URL ATTEMPTS` prints what both sides were told, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from cluster.embedded.ray_head import RayHead
from cluster.embedded.run_record import short_directory
from cluster.settings import Settings


def main(directory: Path, nats_url: str, mongodb_url: str, attempts: int) -> None:
    settings = Settings(nats_url=nats_url, mongodb_url=mongodb_url)
    ray_head = RayHead(directory, short_directory(), "duel")
    ray_head.start(settings.environment())
    from tests.faults.duelists import fight  # Ray reads the environment when it is imported

    try:
        print(json.dumps(asyncio.run(fight(settings, attempts))))
    finally:
        ray_head.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
