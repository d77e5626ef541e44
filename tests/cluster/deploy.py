"""Deploys Frontrow on a given Ray cluster as KubeRay does: a config with an import path, handed to Serve's controller.

`python -m tests.cluster.deploy GCS_ADDRESS PORT`; ends when the application runs. Serve outlives this driver.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from cluster.embedded.process import LOOPBACK
from cluster.settings import read_settings

IMPORT_PATH = "serve_app.deployment:build"
NAME = "default"
RUNNING_SECONDS_MAX = 300.0
DOWNSCALE_DELAY_SECONDS = 5.0


def main(address: str, port: int) -> None:
    import ray
    from ray import serve
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeDeploySchema

    from serve_app.deployment import replicas

    ray.init(address=address, log_to_driver=False, _node_ip_address=LOOPBACK)
    serve.start(proxy_location="HeadOnly", http_options={"host": LOOPBACK, "port": port})
    client = _get_global_client()
    assert client is not None
    application: dict[str, Any] = {"name": NAME, "import_path": IMPORT_PATH, "route_prefix": "/"}
    scaling = replicas(read_settings()).get("autoscaling_config")
    if scaling is not None:  # as somebody may in serveConfigV2; five minutes are long for a test
        quick = {**scaling.model_dump(), "downscale_delay_s": DOWNSCALE_DELAY_SECONDS}
        application["deployments"] = [{"name": "frontrow", "autoscaling_config": quick}]
    client.deploy_apps(ServeDeploySchema.model_validate({"applications": [application]}))
    end = time.monotonic() + RUNNING_SECONDS_MAX
    while True:
        deployed = serve.status().applications.get(NAME)
        status = deployed.status if deployed else "NOT_STARTED"
        if status == "RUNNING":
            return
        if status in ("DEPLOY_FAILED", "UNHEALTHY") or time.monotonic() > end:
            sys.exit(f"{NAME} is {status}: {deployed.message if deployed else ''}")
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
