from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from cluster.settings import Settings, SettingsError, read_settings, variable


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read_settings()
    assert settings.hosts == 2
    assert settings.tickets_per_actor is None
    assert settings.hold_seconds == 600
    assert settings.replicas == 1
    assert settings.journal_replicas == 1
    assert settings.mongodb_database == "frontrow"
    assert settings.data_dir == Path(".frontrow")
    assert settings.nats_url is None
    assert settings.admin_key is None


def test_the_rendered_environment_rebuilds_the_same_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(
        admin_key="k3y",  # type: ignore[arg-type]
        nats_url="nats://127.0.0.1:1,nats://127.0.0.1:2",
        mongodb_url="mongodb://127.0.0.1:3/?directConnection=true",
        tickets_per_actor=1,
        journal_replicas=3,
        data_dir=Path("/tmp/somewhere"),
        STRIPE_SECRET_KEY="sk_test_1",  # type: ignore[arg-type]
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert read_settings() == settings


def test_rendering_hides_an_inherited_variable_that_is_unset_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings()
    monkeypatch.setenv("FRONTROW_TICKETS_PER_ACTOR", "7")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert os.environ["FRONTROW_TICKETS_PER_ACTOR"] == ""
    assert read_settings().tickets_per_actor is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRONTROW_HOSTS", "0"),
        ("FRONTROW_HOSTS", "257"),
        ("FRONTROW_HOSTS", "many"),
        ("FRONTROW_HOSTS_MIN", "0"),
        ("FRONTROW_HOSTS_MAX", "257"),
        ("FRONTROW_HOST_CPU_TARGET", "0"),
        ("FRONTROW_HOSTS_GROW_SECONDS", "0"),
        ("FRONTROW_HOSTS_SHRINK_SECONDS", "3601"),
        ("FRONTROW_TICKETS_PER_ACTOR", "2001"),
        ("FRONTROW_HOLD_SECONDS", "3601"),
        ("FRONTROW_REPLICAS", "0"),
        ("FRONTROW_REPLICAS_MAX", "65"),
        ("FRONTROW_REPLICA_CPUS", "-1"),
        ("FRONTROW_HOST_RESOURCE", "-0.5"),
        ("FRONTROW_SERVICE_RESOURCE", "1001"),
        ("FRONTROW_JOURNAL_REPLICAS", "2"),
        ("FRONTROW_NATS_URL", "http://127.0.0.1:4222"),
        ("FRONTROW_MONGODB_URL", "127.0.0.1"),
        ("FRONTROW_MONGODB_DATABASE", "no spaces"),
        ("FRONTROW_RATE_LIMITS", "some"),
        ("FRONTROW_RATE_READS", "100"),
        ("FRONTROW_RATE_HOLDS", "0/60"),
        ("FRONTROW_RATE_ORDERS", "1/0"),
        ("FRONTROW_RATE_SIGN_INS", "1/minute"),
        ("FRONTROW_STREAMS_PER_CLIENT", "0"),
        ("FRONTROW_TRUSTED_HOPS", "9"),
        ("STRIPE_API_BASE", "ftp://127.0.0.1"),
    ],
)
def test_a_bad_value_is_one_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value).startswith(f"{name}: ")


def test_the_load_decides_only_between_two_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read_settings().elastic
    monkeypatch.setenv("FRONTROW_HOSTS_MIN", "3")
    assert not read_settings().elastic
    monkeypatch.setenv("FRONTROW_HOSTS_MAX", "3")
    assert not read_settings().elastic
    monkeypatch.setenv("FRONTROW_HOSTS_MAX", "4")
    assert read_settings().elastic
    monkeypatch.setenv("FRONTROW_HOSTS_MAX", "2")
    with pytest.raises(SettingsError, match=r"^FRONTROW_HOSTS_MAX: .*FRONTROW_HOSTS_MIN"):
        read_settings()


def test_the_most_replicas_are_not_less_than_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTROW_REPLICAS", "3")
    monkeypatch.setenv("FRONTROW_REPLICAS_MAX", "3")
    assert read_settings().replicas_max == 3
    monkeypatch.setenv("FRONTROW_REPLICAS_MAX", "2")
    with pytest.raises(SettingsError, match=r"^FRONTROW_REPLICAS_MAX: .*FRONTROW_REPLICAS"):
        read_settings()


def test_a_bad_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTROW_ADMIN_KEY", "top secret")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "FRONTROW_ADMIN_KEY" in str(caught.value)
    assert "top secret" not in str(caught.value)
    with pytest.raises(ValidationError) as raw:
        Settings()
    assert "top secret" not in str(raw.value)


def test_a_default_that_nobody_gave_is_rendered_as_not_given() -> None:
    assert Settings().environment()["FRONTROW_HOSTS"] == ""
    assert Settings(hosts=2).environment()["FRONTROW_HOSTS"] == "2"


def test_what_is_given_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTROW_HOSTS", "3")
    assert read_settings(hosts=5).hosts == 5
    assert read_settings(hosts=None).hosts == 3
    with pytest.raises(SettingsError, match="FRONTROW_HOSTS: "):
        read_settings(hosts=0)


def test_secrets_are_not_shown_by_repr() -> None:
    settings = Settings(admin_key="k3y-of-the-house")  # type: ignore[arg-type]
    assert "k3y-of-the-house" not in repr(settings)


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.hosts = 5  # type: ignore[misc]
