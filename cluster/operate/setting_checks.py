"""Settings that are legal and dangerous, or that do nothing without another one. Pure, but for one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cluster.embedded.stripe import SECRET_KEY
from cluster.operate.check import Check, State
from cluster.operate.target import Target
from cluster.settings import Settings

NAME = "settings"
KEY_CHARS_MIN = 20
"""A key of fewer characters can be guessed."""

TEST_MODE = ("sk_test_", "rk_test_")
LIVE_MODE = ("sk_live_", "rk_live_")
SYNC = "sync_interval: always"
NATS_CONFIG = Path("nats") / "nats.conf"


def setting_checks(target: Target) -> list[Check]:
    found = [*dangers(target.settings, target.admin_key), *sync_checks(target)]
    return found or [Check(NAME, State.OK, "nothing dangerous")]


def dangers(settings: Settings, admin_key: str | None) -> Iterator[Check]:
    """One warning or failure for each; no value of a secret is in one."""
    public = settings.public_url is not None
    scanner = settings.scanner_key.get_secret_value() if settings.scanner_key else None
    stripe = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    alone = settings.nats_url is None and settings.mongodb_url is None
    if scanner is not None and scanner == admin_key:
        yield _failed("FRONTROW_SCANNER_KEY is the admin key: whoever scans tickets can do all")
    if admin_key is not None and len(admin_key) < KEY_CHARS_MIN:
        yield _warned(f"FRONTROW_ADMIN_KEY has fewer than {KEY_CHARS_MIN} characters")
    if settings.smtp_url is not None and not public:
        yield _warned(
            "mails are sent, and FRONTROW_PUBLIC_URL is not set: they have no link, and accounts cannot be made"
        )
    if public and settings.smtp_url is None:
        yield _warned("FRONTROW_SMTP_URL is not set: mails are files in the data directory")
    if stripe == SECRET_KEY and settings.stripe_api_base is None:
        yield _failed("STRIPE_SECRET_KEY is the local Stripe's, which everybody knows")
    if public and stripe.startswith(TEST_MODE) and settings.stripe_api_base is None:
        yield _warned("buyers reach this server, and Stripe is in test mode: cards are not charged")
    if settings.stripe_api_base is not None and not (stripe.startswith(TEST_MODE) or stripe == ""):
        yield _warned("STRIPE_API_BASE is not Stripe's, and is given a live key")
    if stripe.startswith(LIVE_MODE) and alone:
        yield _warned(
            "STRIPE_SECRET_KEY is live, and all else is of this machine: cards are charged"
        )
    if stripe and settings.stripe_publishable_key is None:
        yield _warned("STRIPE_PUBLISHABLE_KEY is not set: the pages cannot take cards")
    if settings.stripe_secret_key is not None and not settings.webhook_secrets():
        yield _warned("STRIPE_WEBHOOK_SECRET is not set: no webhook can be told from a forged one")
    if settings.nats_url is not None and settings.ticket_keys is None:
        yield _warned(
            "FRONTROW_TICKET_KEYS is not set: tickets are signed with keys of this machine"
        )
    if settings.nats_url and "," in settings.nats_url and settings.journal_replicas == 1:
        yield _warned("NATS is a cluster, and FRONTROW_JOURNAL_REPLICAS is 1: one server has all")


def sync_checks(target: Target) -> list[Check]:
    """Whether an acknowledged hold is on disk. A server elsewhere tells nobody who only uses it."""
    config = target.data_dir / NATS_CONFIG
    if target.settings.nats_url is not None:
        detail = (
            f"set `{SYNC}` in that nats-server's jetstream section; it cannot be seen from here"
        )
        return [Check("journal sync", State.OK, detail)]
    try:
        text = config.read_text()
    except OSError:
        return []
    if SYNC in text:
        return [Check("journal sync", State.OK, "always: what is acknowledged is on disk")]
    return [Check("journal sync", State.FAILED, f"{config} has no `{SYNC}`")]


def _warned(detail: str) -> Check:
    return Check(NAME, State.WARNING, detail)


def _failed(detail: str) -> Check:
    return Check(NAME, State.FAILED, detail)
