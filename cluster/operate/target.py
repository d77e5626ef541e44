"""Where a command finds its server: `--url`, or what a running stack has written into its directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cluster.embedded.run_record import FILE, RunRecord
from cluster.embedded.stripe import SECRET_KEY
from cluster.operate.command import CommandError
from cluster.operate.lifecycle import admin_key_of
from cluster.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Provider:
    """The payment provider of an installation; `api_base` None is Stripe's own address."""

    secret_key: str = field(repr=False)
    api_base: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """One installation. `admin_key`, `nats_url` and `mongodb_url` are secrets or may hold one: never print them.

    `provider` is None when nothing says how payments are made.
    """

    url: str
    data_dir: Path
    admin_key: str | None
    nats_url: str | None
    mongodb_url: str | None
    provider: Provider | None
    settings: Settings


def find_target(
    data: Path | None, url: str | None = None, *, stores_suffice: bool = False
) -> Target:
    """The installation that the options mean; the environment wins over what is in the directory.

    Raises CommandError when nothing says where the server is, unless the stores are given and `stores_suffice`: then
    its address is empty.
    """
    settings = read_settings(data_dir=data)
    directory = settings.data_dir
    run = _read_run(directory)
    stores = stores_suffice and settings.nats_url and settings.mongodb_url
    if not (url or run or stores):
        raise CommandError(
            f"no server is running from {directory} (there is no {FILE}): "
            "start one with `frontrow up`, or give --data DIR or --url URL",
            "no_server",
        )
    given = settings.admin_key.get_secret_value() if settings.admin_key else None
    return Target(
        (url or (run.url if run else "")).rstrip("/"),
        directory,
        _key(directory, given),
        settings.nats_url or (run.nats_url if run else None),
        settings.mongodb_url or (run.mongodb_url if run else None),
        _provider(settings, run),
        settings,
    )


def _provider(settings: Settings, run: RunRecord | None) -> Provider | None:
    """A key of one's own goes to nobody else's Stripe: a local one has a key that everybody knows."""
    if settings.stripe_secret_key is not None:
        started = run is not None and run.stripe_pid is not None
        elsewhere = run.stripe_api_base if run is not None and not started else None
        key = settings.stripe_secret_key.get_secret_value()
        return Provider(key, settings.stripe_api_base or elsewhere)
    if run is not None and run.stripe_pid is not None:
        return Provider(SECRET_KEY, run.stripe_api_base)
    return None


def _read_run(directory: Path) -> RunRecord | None:
    try:
        return RunRecord.read(directory)
    except (OSError, ValueError, TypeError):
        raise CommandError(f"{directory / FILE} cannot be read") from None


def _key(directory: Path, given: str | None) -> str | None:
    """None when there is no key to be had: then the server says what it needs one for."""
    try:
        return admin_key_of(directory, given)
    except OSError:
        return None
