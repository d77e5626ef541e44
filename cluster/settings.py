"""The settings of the product: the one place that reads the environment.

Everything else receives a `Settings`. A Ray actor or a Serve replica is another process, so the
supervisor renders its settings back with `environment()`, the processes inherit these variables,
and `Settings()` there is equal to the supervisor's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from cluster.elasticity.policy import CPU_TARGET, GROW_SECONDS, SHRINK_SECONDS

HOSTS_MAX = 256
TICKETS_PER_ACTOR_MAX = 2_000
HOLD_SECONDS_MAX = 3_600
REPLICAS_MAX = 64
RESOURCE_MAX = 1_000
REPLICA_CPUS_MAX = 64
WINDOW_SECONDS_MAX = 3_600
RATE_UNITS_MAX = 1_000_000
RATE_SECONDS_MAX = 86_400
HOPS_MAX = 8
ADMIN_KEY_LENGTH_MAX = 512
NATS_SCHEMES = ("nats://", "tls://", "ws://", "wss://")
MONGODB_SCHEMES = ("mongodb://", "mongodb+srv://")
HTTP_SCHEMES = ("http://", "https://")
SMTP_SCHEMES = ("smtp://", "smtps://")
TRACES_SCHEMES = (*HTTP_SCHEMES, "file:///")


class SettingsError(ValueError):
    """The environment holds a value that the product cannot use; the text names the variable."""


def _has_scheme(url: str, schemes: tuple[str, ...]) -> str:
    if not url.startswith(schemes):
        raise ValueError(f"must start with {' or '.join(schemes)}")
    return url


def _nats_url(value: str) -> str:
    """One server or a comma-separated list of them, as nats-py takes it."""
    for url in value.split(","):
        _has_scheme(url.strip(), NATS_SCHEMES)
    return value


def _mongodb_url(value: str) -> str:
    return _has_scheme(value, MONGODB_SCHEMES)


def _http_url(value: str) -> str:
    return _has_scheme(value, HTTP_SCHEMES).rstrip("/")


def _traces_url(value: str) -> str:
    return _has_scheme(value, TRACES_SCHEMES)


def _smtp_url(url: SecretStr) -> SecretStr:
    """It may hold a password, so an error does not show it."""
    _has_scheme(url.get_secret_value(), SMTP_SCHEMES)
    return url


def _odd_quorum(replicas: int) -> int:
    """One server, or the smallest Raft group that survives the loss of one."""
    if replicas not in (1, 3):
        raise ValueError("must be 1 or 3")
    return replicas


def _rate(value: str) -> str:
    """So many in so many seconds, `3000/60`."""
    units, slash, seconds = value.partition("/")
    if not (slash and units.isdecimal() and seconds.isdecimal()):
        raise ValueError("must be UNITS/SECONDS")
    if not (1 <= int(units) <= RATE_UNITS_MAX and 1 <= int(seconds) <= RATE_SECONDS_MAX):
        raise ValueError(f"must be 1 to {RATE_UNITS_MAX} in 1 to {RATE_SECONDS_MAX} seconds")
    return value


def _header_safe(key: SecretStr) -> SecretStr:
    """The key travels in an Authorization header: visible ASCII without spaces."""
    text = key.get_secret_value()
    if not 0 < len(text) <= ADMIN_KEY_LENGTH_MAX or not all("!" <= char <= "~" for char in text):
        raise ValueError(f"must be 1 to {ADMIN_KEY_LENGTH_MAX} visible ASCII characters, no spaces")
    return key


NatsUrl = Annotated[str, AfterValidator(_nats_url)]
MongodbUrl = Annotated[str, AfterValidator(_mongodb_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
TracesUrl = Annotated[str, AfterValidator(_traces_url)]
JournalReplicas = Annotated[int, AfterValidator(_odd_quorum)]
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp_url)]
Rate = Annotated[str, AfterValidator(_rate)]
HeaderKey = Annotated[SecretStr, AfterValidator(_header_safe)]


class Settings(BaseSettings):
    """Immutable; can also be built by field name. Errors never show an input: some are secret."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="FRONTROW_",
        env_ignore_empty=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    admin_key: HeaderKey | None = None
    nats_url: NatsUrl | None = None
    mongodb_url: MongodbUrl | None = None
    mongodb_database: str = Field(default="frontrow", pattern=r"^[A-Za-z0-9_-]{1,38}$")
    hosts: int = Field(default=2, ge=1, le=HOSTS_MAX)
    hosts_min: int = Field(default=1, ge=1, le=HOSTS_MAX)
    hosts_max: int | None = Field(default=None, ge=1, le=HOSTS_MAX)
    host_cpu_target: float = Field(default=CPU_TARGET, gt=0, le=1)
    hosts_grow_seconds: int = Field(default=GROW_SECONDS, ge=1, le=WINDOW_SECONDS_MAX)
    hosts_shrink_seconds: int = Field(default=SHRINK_SECONDS, ge=1, le=WINDOW_SECONDS_MAX)
    tickets_per_actor: int | None = Field(default=None, ge=1, le=TICKETS_PER_ACTOR_MAX)
    hold_seconds: int = Field(default=600, ge=1, le=HOLD_SECONDS_MAX)
    host_resource: float = Field(default=0, ge=0, le=RESOURCE_MAX)
    service_resource: float = Field(default=0, ge=0, le=RESOURCE_MAX)
    replicas: int = Field(default=1, ge=1, le=REPLICAS_MAX)
    replicas_max: int | None = Field(default=None, ge=1, le=REPLICAS_MAX)
    replica_cpus: float = Field(default=0, ge=0, le=REPLICA_CPUS_MAX)
    data_dir: Path = Path(".frontrow")
    journal_replicas: JournalReplicas = 1
    ray_namespace: str = Field(default="frontrow", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    scanner_key: HeaderKey | None = None
    ticket_keys: SecretStr | None = None
    tickets_url: str | None = None
    smtp_url: SmtpUrl | None = None
    mail_from: str = Field(default="Frontrow <tickets@frontrow.test>", max_length=320)
    public_url: HttpUrl | None = None
    rate_limits: Literal["remote", "all", "off"] = "remote"
    rate_reads: Rate = "3000/60"
    rate_holds: Rate = "120/60"
    rate_orders: Rate = "60/60"
    rate_sign_ins: Rate = "20/600"
    streams_per_client: int = Field(default=200, ge=1)
    trusted_hops: int = Field(default=0, ge=0, le=HOPS_MAX)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    traces_url: TracesUrl | None = None
    traces_sampled: float = Field(default=1.0, ge=0.0, le=1.0)
    stripe_secret_key: SecretStr | None = Field(default=None, alias="STRIPE_SECRET_KEY")
    stripe_publishable_key: str | None = Field(
        default=None, alias="STRIPE_PUBLISHABLE_KEY", pattern=r"^pk_[A-Za-z0-9_]{1,250}$"
    )
    stripe_webhook_secret: SecretStr | None = Field(default=None, alias="STRIPE_WEBHOOK_SECRET")
    stripe_api_base: HttpUrl | None = Field(default=None, alias="STRIPE_API_BASE")

    @field_validator("hosts_max", "replicas_max")
    @classmethod
    def _not_below_the_least(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = {"hosts_max": "hosts_min", "replicas_max": "replicas"}[info.field_name or ""]
        if most is not None and most < info.data.get(least, 1):
            raise ValueError(f"must not be less than {variable(least)}")
        return most

    @property
    def elastic(self) -> bool:
        """The load decides how many hosts there are."""
        return self.hosts_max is not None and self.hosts_max > self.hosts_min

    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets of Stripe's webhooks, in clear: several, separated by commas, while one replaces another."""
        given = self.stripe_webhook_secret
        text = "" if given is None else given.get_secret_value()
        return tuple(secret for part in text.split(",") if (secret := part.strip()))

    def environment(self) -> dict[str, str]:
        """The variables from which `Settings()` rebuilds an equal value.

        Every field is present: one that was not given is the empty string, which reads as not given,
        so that an inherited variable cannot shine through and a default stays a default. The values
        hold secrets in clear: for a child process only, never for a log.
        """
        given = self.model_fields_set
        return {
            variable(name): _rendered(getattr(self, name)) if name in given else ""
            for name in type(self).model_fields
        }


def variable(field: str) -> str:
    """The environment variable of a field of Settings."""
    return Settings.model_fields[field].alias or f"FRONTROW_{field.upper()}"


def read_settings(**given: object) -> Settings:
    """The settings of this process; a SettingsError names every variable that is wrong.

    `given` are fields by name that count before the environment; None is not given.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_complaints(error))) from None


def _complaints(error: ValidationError) -> list[str]:
    return [f"{_named(problem['loc'])}: {problem['msg']}" for problem in error.errors()]


def _named(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return variable(name) if name in Settings.model_fields else name


def _rendered(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case _:
            return str(value)
