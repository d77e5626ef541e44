"""What a buyer reads when the store is away: what it means for them, and nothing of the part itself."""

from __future__ import annotations

from cluster.store.mongo import StoreUnavailable
from tests.unit.bare_app import bare_app, client_at


async def test_a_store_that_is_away_is_told_without_its_name() -> None:
    async with bare_app() as app, client_at(app, "127.0.0.1") as http:
        answer = await http.get("/v1/shows")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "unavailable")
    assert problem["detail"] == StoreUnavailable.told
    assert "MongoDB" not in answer.text
