"""`python -m cluster.operate` is `frontrow`."""

from __future__ import annotations

from cluster.operate.cli import main

if __name__ == "__main__":
    main(prog_name="frontrow")
