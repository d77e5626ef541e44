"""What Serve's HAProxy, run by its wrapper, tells a replica of who asks."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from cluster.embedded.haproxy import write_wrapper
from cluster.embedded.process import free_port
from tests.shop import until


class Replica(BaseHTTPRequestHandler):
    """Answers with the list of X-Forwarded-For that it was sent."""

    def do_GET(self) -> None:
        body = ",".join(self.headers.get_all("X-Forwarded-For", [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:
        pass


@pytest.fixture
def replica() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Replica)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_port
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray Serve's own models
def test_haproxy_appends_who_is_connected_and_logs_no_address(tmp_path: Path, replica: int) -> None:
    from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
    from ray.serve.config import HTTPOptions

    port, configuration = free_port(), tmp_path / "haproxy.cfg"
    own = HAProxyConfig(
        http_options=HTTPOptions(host="127.0.0.1", port=port),
        socket_path=str(tmp_path / "admin.sock"),
        metrics_port=free_port(),
        stats_port=free_port(),
    )
    server = ServerConfig("replica", "127.0.0.1", replica)
    backend = BackendConfig("frontrow", "/", servers=[server], app_name="frontrow")
    HAProxyApi(own, {"frontrow": backend}, str(configuration))._generate_config_file_internal()
    haproxy = subprocess.Popen([str(write_wrapper(tmp_path)), "-db", "-f", str(configuration)])
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(url).status_code == 200, "HAProxy passes requests on")
        assert httpx.get(url).text == "127.0.0.1"
        made_up = httpx.get(url, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
        assert made_up.text == "198.51.100.1, 203.0.113.7,127.0.0.1"
        # Ray's template logs whole requests to syslog; an address here may be the key to somebody's tickets.
        written = configuration.read_text()
        assert "httplog" not in written
        (logged,) = re.findall(r"^ *log-format (.*)$", written, re.MULTILINE)
        assert not re.search(r"%(r|HU|HP|HQ|HPO|hr|hrl)\b|%\[", logged)
    finally:
        haproxy.terminate()
        haproxy.wait()
