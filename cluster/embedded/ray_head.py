"""A Ray head inside this process, with Serve behind HAProxy, on loopback and next to others like it.

Ray reads its switches from the environment when it is imported, and its processes inherit them: so
`RayHead` sets them first, and `ray` is imported only after that, here and nowhere at module level.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

from cluster.embedded.haproxy import haproxy_environment
from cluster.embedded.private_file import write_private
from cluster.embedded.process import LOOPBACK, StartError

LOGICAL_CPUS = 8  # for Ray's bookkeeping only: our actors reserve none
OBJECT_STORE_BYTES = 100 << 20  # calls carry bytes inline; 75 MB is the least that Ray takes
LOG_BYTES_MAX = 10 << 20
METRICS_SWITCH = "RAY_enable_metrics_collection"
CORE_PROCESSES = ("raylet", "gcs_server")

SWITCHES = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray replaces a loopback address by the machine's own unless it believes to be on a laptop.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Idle workers started in advance cost a second of CPU each, and nobody would use them.
    "RAY_prestart_worker_first_driver": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_worker_niceness": "0",  # hosts and replicas come first; the services are nice by themselves
    "RAY_task_events_report_interval_ms": "0",
    "RAY_event_stats": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ROTATION_MAX_BYTES": str(LOG_BYTES_MAX),
    "RAY_ROTATION_BACKUP_COUNT": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_LOG_TO_STDERR": "0",
    # A proxy that is not ready within three of these is killed, and the start fails: a busy machine may need 15 s.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "20",
}


class RayHead:
    """One Ray head with one Serve application. `directory` keeps its token and its last logs.

    `files` is where sockets and sessions live: short, because HAProxy's socket may have 97 bytes and
    Serve puts 68 of them below it.
    """

    def __init__(self, directory: Path, files: Path, namespace: str) -> None:
        self.directory = directory
        self.files = files
        self.namespace = namespace
        self._core: list[psutil.Process] = []

    def start(
        self,
        environment: Mapping[str, str],
        metrics_port: int | None = None,
        log_level: str = "info",
    ) -> None:
        """Starts Ray; every actor and replica inherits `environment`. Metrics are exported at their port."""
        os.environ.update(SWITCHES)
        os.environ.update({METRICS_SWITCH: "0" if metrics_port is None else "1"})
        os.environ.update(haproxy_environment(self.files / "h"))
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(self._token())
        os.environ.update(environment)
        # Without bytecode each worker would compile Ray from its sources: twice the time to start.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        import ray

        ray.init(
            address="local",
            namespace=self.namespace,
            num_cpus=LOGICAL_CPUS,
            num_gpus=0,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            _node_ip_address=LOOPBACK,
            _temp_dir=str(self.files / "ray"),
            _metrics_export_port=metrics_port,
            logging_config=ray.LoggingConfig(encoding="JSON", log_level=log_level.upper()),
        )
        self._core = [
            child for child in psutil.Process().children() if child.name() in CORE_PROCESSES
        ]

    def start_serve(self, port: int) -> None:
        """Starts Serve's controller and HAProxy on loopback and `port`; no application yet."""
        from ray import serve
        from ray.serve.config import HTTPOptions
        from ray.serve.schema import LoggingConfig

        serve.start(
            http_options=HTTPOptions(host=LOOPBACK, port=port),
            logging_config=LoggingConfig(encoding="JSON", enable_access_log=False),
        )

    def deploy(self, import_path: str) -> None:
        """Builds the application at `module:function` and waits until it runs.

        A string, because imports flow from the application to the cluster, never back.
        """
        from ray import serve

        module, _, function = import_path.partition(":")
        application = getattr(importlib.import_module(module), function)()
        try:
            serve.run(application, route_prefix="/")
        except RuntimeError as error:
            raise StartError(f"{import_path} did not start: {error}") from error

    @property
    def running(self) -> bool:
        """False once the raylet or the GCS is gone: then nothing of this Ray can be trusted."""
        return all(
            process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            for process in self._core
        )

    def stop(self) -> None:
        """Orderly: Serve first, so that no request is cut while it is answered."""
        import ray
        from ray import serve

        if not ray.is_initialized():
            return
        if self.running:
            serve.shutdown()
        ray.shutdown()
        self._keep_logs()

    def _keep_logs(self) -> None:
        """The logs of the last run stay; its sessions do not."""
        kept = self.directory / "ray-logs"
        shutil.rmtree(kept, ignore_errors=True)
        logs = self.files / "ray" / "session_latest" / "logs"
        if logs.is_dir():
            shutil.copytree(logs, kept, ignore_dangling_symlinks=True)

    def _token(self) -> Path:
        path = self.directory / "ray.token"
        if not path.exists() or not path.stat().st_size:
            write_private(path, secrets.token_hex(32))
        return path
