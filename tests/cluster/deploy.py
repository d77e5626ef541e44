"""Deploys Frontrow on a given Ray cluster as KubeRay does: a config with an import path, handed to Serve's controller.

`python -m tests.cluster.deploy GCS_ADDRESS PORT`; ends when the application runs. Serve outlives this driver.
"""

from __future__ import annotations

import sys
import time

from cluster.embedded.process import LOOPBACK

IMPORT_PATH = "serve_app.deployment:build"
NAME = "default"
RUNNING_SECONDS_MAX = 180.0


def main(address: str, port: int) -> None:
    import ray
    from ray import serve
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeDeploySchema

    ray.init(address=address, log_to_driver=False, _node_ip_address=LOOPBACK)
    serve.start(proxy_location="HeadOnly", http_options={"host": LOOPBACK, "port": port})
    client = _get_global_client()
    assert client is not None
    config = {"applications": [{"name": NAME, "import_path": IMPORT_PATH, "route_prefix": "/"}]}
    client.deploy_apps(ServeDeploySchema.model_validate(config))
    end = time.monotonic() + RUNNING_SECONDS_MAX
    while True:
        application = serve.status().applications.get(NAME)
        status = application.status if application else "NOT_STARTED"
        if status == "RUNNING":
            return
        if status in ("DEPLOY_FAILED", "UNHEALTHY") or time.monotonic() > end:
            sys.exit(f"{NAME} is {status}: {application.message if application else ''}")
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
