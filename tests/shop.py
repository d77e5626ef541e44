"""The public API as an organizer and single buyers use it; `tests.faults.crowd` is many buyers at once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import httpx

WAIT_SECONDS_MAX = 90.0

Answer = dict[str, Any]


def until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS_MAX) -> Any:
    """Poll until `condition` gives something true; that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def grid(sections: int, rows: int, seats: int) -> str:
    """A CSV with `S0-R0-0` to `S<sections-1>-R<rows-1>-<seats-1>`, category A."""
    places = itertools.product(range(sections), range(rows), range(seats))
    return "section,row,seat,category\n" + "\n".join(f"S{s},R{r},{n},A" for s, r, n in places)


class Shop:
    """An organizer's client."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)
        self.auth = {"Authorization": f"Bearer {admin_key}"}

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def show(self, csv: str = "", **changes: Any) -> str:
        """A show with the seats of `csv` loaded; its id."""
        body = {
            "name": "Test",
            "venue": "Hall",
            "starts_at": "2030-01-01T20:00:00Z",
            "currency": "EUR",
            "prices": {"A": 1000},
            **changes,
        }
        show_id = self._ok(self.http.post("/v1/shows", json=body, headers=self.auth))["show_id"]
        if csv:
            headers = {**self.auth, "Content-Type": "text/csv"}
            job_id = self._ok(
                self.http.post(f"/v1/shows/{show_id}/seats", content=csv, headers=headers)
            )["job_id"]
            job = until(lambda: self._over(job_id), f"job {job_id} ends")
            assert (job["state"], job["error_count"]) == ("done", 0), job
        return show_id

    def hold(self, show_id: str, *seats: str, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(
            f"/v1/shows/{show_id}/holds", json={"seats": list(seats)}, headers=headers
        )

    def find(self, hold_id: str) -> httpx.Response:
        return self.http.get(f"/v1/holds/{hold_id}")

    def counts(self, show_id: str, category: str = "A") -> dict[str, int]:
        return self._ok(self.http.get(f"/v1/shows/{show_id}/availability"))["counts"][category]

    def hosts(self) -> list[Answer]:
        return self._ok(self.http.get("/v1/operator/hosts", headers=self.auth))["items"]

    def services(self) -> list[Answer]:
        answer = self.http.get("/v1/operator/services", headers=self.auth)
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()

    def scale(self, hosts: int) -> httpx.Response:
        return self.http.put(
            "/v1/operator/hosts", json={"hosts": hosts}, headers=self.auth, timeout=90
        )

    def drain(self, host: str, *, undo: bool = False) -> Answer:
        """Drain a host, or take it back; its state afterwards."""
        answer = self.http.put(
            f"/v1/operator/hosts/{host}",
            json={"drained": not undo},
            headers=self.auth,
            timeout=90,
        )
        return {item["name"]: item for item in self._ok(answer)["items"]}[host]

    def move(self, show_id: str, block: int, host: str | None) -> Answer:
        """Pin a block to a host, or let it be placed as all others are."""
        path = f"/v1/operator/shows/{show_id}/blocks/{block}/host"
        method, body = ("PUT", {"host": host}) if host else ("DELETE", None)
        return self._ok(self.http.request(method, path, json=body, headers=self.auth, timeout=90))

    def _over(self, job_id: str) -> Answer | None:
        job = self._ok(self.http.get(f"/v1/jobs/{job_id}"))
        return job if job["state"] in ("done", "failed") else None

    @staticmethod
    def _ok(answer: httpx.Response) -> Answer:
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()
