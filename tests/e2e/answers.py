"""Every answer that a test gets is held against the OpenAPI document that the server publishes."""

from __future__ import annotations

from typing import Any

import httpx
from openapi_schema_validator import OAS31Validator
from starlette.routing import compile_path

from serve_app.app import create_app
from serve_app.problems import PROBLEMS

CHECKED_BYTES_MAX = 100_000


class Published:
    """The document, and what has been answered so far."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = create_app().openapi()
        self.answered: set[tuple[str, str, int]] = set()
        self._paths = [(template, compile_path(template)[0]) for template in self.document["paths"]]

    async def check(self, answer: httpx.Response) -> None:
        """A response hook: the status is listed, the body is as described."""
        if answer.request.method == "HEAD":
            return
        if answer.status_code >= 400:
            await answer.aread()
            if answer.request.url.path != "/readyz":
                _check_problem(answer)
        template = next(
            (t for t, regex in self._paths if regex.match(answer.request.url.path)), None
        )
        method = answer.request.method.lower()
        if template is None or method not in self.document["paths"][template]:
            return
        self.answered.add((method, template, answer.status_code))
        listed = self.document["paths"][template][method]["responses"]
        where = f"{method} {template} {answer.status_code}"
        assert str(answer.status_code) in listed, f"{where} is not in the document"
        described = listed[str(answer.status_code)].get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "text/event-stream":
            return
        await answer.aread()
        if not answer.content:
            return
        assert kind in described, f"{where} answers {kind}"
        if kind.endswith("json") and len(answer.content) <= CHECKED_BYTES_MAX:
            schema = {**described[kind]["schema"], "components": self.document["components"]}
            OAS31Validator(schema).validate(answer.json())


def _check_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/problems/{problem['code']}"
    assert PROBLEMS[problem["code"]].status == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
