"""What every answer tells a browser, asked at every address of the application."""

from __future__ import annotations

from serve_app.security_headers import HEADERS, missing_headers
from tests.unit.bare_app import bare_app, client_at, every_operation

LOCKED = "default-src 'none'; frame-ancestors 'none'"


async def test_every_route_answers_with_all_of_them() -> None:
    statuses = set[int]()
    async with bare_app() as app, client_at(app, "127.0.0.1") as http:
        operations = every_operation(app)
        assert len(operations) > 60
        for method, path in operations:
            answer = await http.request(method, path.replace("{name}", "page.css"))
            statuses.add(answer.status_code)
            where = f"{method} {path} {answer.status_code}"
            for name, value in HEADERS.items():
                if path == "/operator" and name == "Referrer-Policy":
                    value = "no-referrer"
                assert answer.headers.get_list(name) == [value], f"{where}: {name}"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy, where
            assert "frame-ancestors 'none'" in policy, where
            assert "unsafe" not in policy, where
            assert "Strict-Transport-Security" not in answer.headers
    assert statuses > {200, 401, 503}


async def test_pages_have_a_nonce_and_programs_load_nothing() -> None:
    async with bare_app() as app, client_at(app, "127.0.0.1") as http:
        assert "'nonce-" in (await http.get("/shows/s")).headers["Content-Security-Policy"]
        assert (await http.get("/problems")).headers["Content-Security-Policy"] == LOCKED
        assert (await http.get("/v1/nothing")).headers["Content-Security-Policy"] == LOCKED


async def test_an_installation_with_https_stays_with_it() -> None:
    for url, told in (("https://tickets.example.com", True), ("http://localhost", False)):
        async with bare_app(public_url=url) as app, client_at(app, "127.0.0.1") as http:
            for path in ("/problems", "/robots.txt", "/v1/shows"):
                answer = await http.get(path)
                found = answer.headers.get("Strict-Transport-Security")
                assert found == ("max-age=31536000" if told else None)


def test_what_an_endpoint_says_itself_counts() -> None:
    raw = ((b"referrer-policy", b"same-origin"), (b"x-content-type-options", b"nosniff"))
    own = [(b"referrer-policy", b"no-referrer"), (b"content-security-policy", b"default-src *")]
    assert missing_headers({"status": 200, "headers": own}, raw) == [raw[1]]


def test_what_was_kept_keeps_its_policy_and_a_viewer_is_not_held_to_one() -> None:
    assert missing_headers({"status": 304, "headers": []}, ()) == []
    pdf = [(b"content-type", b"application/pdf")]
    assert missing_headers({"status": 200, "headers": pdf}, ()) == []
    (added,) = missing_headers({"status": 200, "headers": []}, ())
    assert added == (b"content-security-policy", LOCKED.encode())


async def test_a_defect_answers_with_them_as_well() -> None:
    async with bare_app() as app, client_at(app, "127.0.0.1") as http:
        del app.state.rate_limits
        answer = await http.get("/problems")
        assert answer.status_code == 500
        assert {answer.headers[name] for name in HEADERS} == set(HEADERS.values())
