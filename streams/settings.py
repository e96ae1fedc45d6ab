"""Every setting of Hindsight, declared once.

No I/O but reading the environment and the secret files that it names. A setting `partitions` is read from
`HINDSIGHT_PARTITIONS`; a secret `amqp_password` also from the file that `HINDSIGHT_AMQP_PASSWORD_FILE` names. A setting
that was renamed is read under its former name too, see `FORMER_NAMES`.
"""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from streams.fields import FIELDS, MAX_CHARS, MAX_KEYS, Fields
from streams.kinds import KINDS, Kind

logger = logging.getLogger("hindsight.settings")
PREFIX = "HINDSIGHT_"
FORMER_NAMES = {"lateness_s": "max_out_of_orderness_s"}
"""Settings that were renamed: the former name, which still works, and the name of today."""
Clock = Literal["arrival", "event"]
AgentName = Literal["model", "metric", "plot"]
QueueKind = Literal["durable", "quorum", "transient", "existing"]
Seconds = Annotated[float, Field(gt=0, le=1e10, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1)]
MAX_MODELS = 8
MAX_NAME_CHARS = 128
ModelName = Annotated[str, Field(pattern=rf"^[^\x00-\x1f\x7f]{{1,{MAX_NAME_CHARS}}}$")]
QueueName = Annotated[str, Field(min_length=1, max_length=255)]
TopicName = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]{1,249})?$")]
FieldNames = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]
OFF = ("", "off", "none")
SIZES = ("y_pred", "y_true")
"""Segments by the size of a value, which no tag can be named."""
NO_QUEUES = "not used: HINDSIGHT_QUEUES is off, so rows come by Kafka alone"
ADDRESS = re.compile(r"https?://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
"""What a worker goes by among the others: only such addresses are asked."""


_NAMED_MODEL = re.compile(r"([^=/\\]+)=(.+)")
"""A model's file under a name; a path whose first directory holds an `=` is written with `./` before it."""


class ModelFile(NamedTuple):
    """Where a model is, and the name of its predictions; an empty name: as its card says."""

    name: str
    path: Path


class SettingsError(Exception):
    """The environment holds a setting that cannot be used; the message has one line per fault."""


class Settings(BaseModel):
    """All settings, each with a default that runs on one laptop."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _files: dict[str, Path] = PrivateAttr(default_factory=dict)
    """The files of secrets, by name of the setting."""

    # RabbitMQ
    amqp_url: SecretStr = Field(
        SecretStr(""), description="RabbitMQ, `amqp://host:port/vhost` or `amqps://`; empty: the embedded one"
    )
    amqp_user: str = Field("", description="RabbitMQ user, if the URL names none")
    amqp_password: SecretStr = Field(SecretStr(""), description="RabbitMQ password, if the URL holds none")
    amqp_tls_ca: Path | None = Field(None, description="PEM file of the CA that signed RabbitMQ's certificate")
    amqp_tls_cert: Path | None = Field(None, description="PEM file of our certificate, if RabbitMQ asks for one")
    amqp_tls_key: Path | None = Field(None, description="PEM file of our certificate's key")
    queues: tuple[Kind, ...] = Field(
        KINDS,
        description="which kinds of rows come through RabbitMQ, comma-separated; `off` or an empty value: only Kafka is used",
    )
    queue_features: QueueName = Field("features", description="name of the queue of features")
    queue_y_true: QueueName = Field("y_true", description="name of the queue of y_true")
    queue_y_pred: QueueName = Field("y_pred", description="name of the queue of y_pred")
    queue_kind: QueueKind = Field(
        "durable",
        description="how a missing queue is declared: durable, quorum, transient, or existing (never declared)",
    )
    prefetch: Count = Field(2000, description="RabbitMQ messages that one queue may have unacknowledged at the bridge")
    max_body_bytes: Count = Field(1 << 20, description="largest RabbitMQ body that is parsed, in bytes")
    publish_predictions: bool = Field(
        False, description="also publish predictions to the RabbitMQ exchange `predictions`"
    )

    # Kafka
    kafka: str = Field("", description="Kafka bootstrap servers, `host:port,host:port`; empty: the embedded one")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Kafka's security protocol"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="Kafka's SASL mechanism"
    )
    kafka_user: str = Field("", description="Kafka SASL user")
    kafka_password: SecretStr = Field(SecretStr(""), description="Kafka SASL password")
    kafka_tls_ca: Path | None = Field(None, description="PEM file of the CA that signed Kafka's certificate")
    kafka_tls_cert: Path | None = Field(None, description="PEM file of our certificate, if Kafka asks for one")
    kafka_tls_key: Path | None = Field(None, description="PEM file of our certificate's key")
    namespace: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,40}$", description="prefix of every topic name and of the consumer group"
    )
    topic_features: TopicName = Field(
        "", description="Kafka topic of features, used as it is; empty: `features`, prefixed with the namespace"
    )
    topic_y_true: TopicName = Field(
        "", description="Kafka topic of y_true, as above. To change a topic later, start over with another namespace"
    )
    topic_y_pred: TopicName = Field("", description="Kafka topic of y_pred, as above")
    partitions: Annotated[int, Field(ge=1, le=1000)] = Field(
        4, description="partitions of the row topics; more of them later: `faust -A streams repartition`"
    )
    replication: Annotated[int, Field(ge=1, le=9)] = Field(1, description="replication factor of topics we create")
    standbys: Annotated[int, Field(ge=0, le=5)] = Field(0, description="standby copies of the table on other workers")

    # The fields of a row
    field_id: FieldNames = Field(
        (),
        description="where the id is, comma-separated in the order in which they are tried before `id`; a dot leads into an "
        "object (`data.order_id`), and `@message_id`, `@correlation_id`, `@key` are what came beside the body",
    )
    field_ts: FieldNames = Field((), description="the same for the time, before `ts`")
    field_features: FieldNames = Field((), description="the same for the features, before `features` and `body`")
    field_y_true: FieldNames = Field((), description="the same for the truth, before `y_true` and `body`")
    field_y_pred: FieldNames = Field((), description="the same for the prediction, before `y_pred` and `body`")
    field_model: FieldNames = Field((), description="the same for the model's name, before `model`")
    field_version: FieldNames = Field((), description="the same for the model's version, before `version`")

    segments: tuple[str, ...] = Field(
        (),
        description=f"keys of the rows' `tags` by which the figures are split, comma-separated, at most {MAX_KEYS}, such as "
        "`country,tier`; empty: by none",
    )

    # The bridge
    linger_s: Annotated[float, Field(ge=0, le=10)] = Field(
        0.01,
        description="how long the bridge lets rows gather before it sends them, in seconds; longer from 4,000 rows/s on",
    )
    packet_rows: Annotated[int, Field(ge=1, le=5000)] = Field(500, description="most rows in one packet")
    bridge_in_worker: bool = Field(False, description="run the bridge inside the worker's process")
    bridge_host: str = Field(
        "",
        description="where the worker finds the bridge's pages, and a name that they are served under; empty: on its own machine",
    )
    bridge_web_port: Port = Field(6067, description="port of the bridge's /livez, /readyz and /metrics")

    max_quarantine_bytes: Count = Field(
        1 << 30, description="what the topic quarantine may hold, in bytes; when exceeded, Kafka removes the oldest"
    )

    # The join
    join_window_s: Seconds = Field(3600.0, description="largest |ts(y_true) - ts(y_pred)| that still joins, in seconds")
    max_out_of_orderness_s: Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)] = Field(
        60.0,
        description="how far behind the newest ts a row may arrive, in seconds: an id waits that much longer than the window",
    )
    dedupe_horizon_s: Seconds = Field(3600.0, description="how long an id is remembered after its verdict, in seconds")
    max_waiting_ids: Count = Field(
        10_000_000,
        description="ids that may wait for their other side, over all partitions; when exceeded, the oldest end unmatched early",
    )
    clock: Clock = Field(
        "arrival",
        description="how label delays are measured: `arrival`, from a prediction's ts until the pair is joined; `event`, until "
        "the truth's ts, for history that is replayed",
    )
    slice_s: Annotated[float, Field(ge=1, le=21600)] | None = Field(
        None,
        description="width of a slice of time in the figures, in seconds, taken to the nearest that fills an hour or a day; "
        "empty: about a 120th of the join window",
    )
    agents: tuple[AgentName, ...] = Field(
        ("model", "metric", "plot"), description="which agents the worker runs, comma-separated"
    )
    models: tuple[ModelName, ...] = Field(
        (),
        description="models whose predictions of an id are each joined with its truth, comma-separated, the reference first "
        f"(`champion,challenger`; at most {MAX_MODELS}); empty: an id has one prediction, whoever made it",
    )
    model: Annotated[str, Field(min_length=1)] = Field(
        "models/model.skops",
        description="the model: a .skops file, a pickle or a model directory of MLflow; or several, each under a name "
        "(`champion=a.skops,challenger=b.skops`), which are then `HINDSIGHT_MODELS` too, if that is empty",
    )
    model_pickle_sha256: str = Field(
        "",
        pattern=r"^([0-9a-fA-F]{64}( *, *[0-9a-fA-F]{64})*)?$",
        description="sha256 of the .pkl, .pickle or .joblib files that may be opened, comma-separated; empty: none",
    )
    model_types: tuple[str, ...] = Field(
        (),
        description="types that a .skops model may hold beyond scikit-learn's own, by full name, comma-separated; "
        "each can run code of its library",
    )
    plot_every_s: Seconds = Field(10.0, description="how often the error histogram is drawn, in seconds")
    parquet_every_s: Seconds | None = Field(
        None,
        description="write all verdicts as Parquet files too, into `verdicts` in HINDSIGHT_LOGS_DIR: a file of what has come at "
        "least so often, in seconds (300 is a good choice, see [parquet.md](parquet.md)); empty: none",
    )

    # Alerts
    alerts: Path | None = Field(
        None, description="file of alert rules and of whom to tell, TOML (see [alerting.md](alerting.md)); empty: none"
    )

    # The web view
    web_bind: str = Field("127.0.0.1", description="address that the web view listens on")
    web_port: Port = Field(6066, description="port of the web view; if it is taken, one of the next 20")
    web_token: SecretStr = Field(
        SecretStr(""),
        description="what callers of the web view and the bridge's pages must present, as bearer token or basic-auth password",
    )
    web_open: bool = Field(False, description="let the web view listen beyond this machine without a token")
    web_hosts: tuple[str, ...] = Field(
        (), description="further host names that the web view is reached by, such as a proxy's, comma-separated"
    )
    web_url: str = Field(
        "", description="where other workers reach this one's web view; empty: derived from bind address and host name"
    )

    # Places
    dev_dir: Path = Field(Path(".run"), description="where the embedded brokers keep their files")
    state_dir: Path | None = Field(
        None, description="where the worker keeps its table and its instance id; empty: `state` in HINDSIGHT_DEV_DIR"
    )
    logs_dir: Path = Field(Path("logs"), description="where the metric log and the picture are written")
    dev_amqp_port: Port = Field(5672, description="port of the embedded RabbitMQ")
    dev_kafka_port: Port = Field(9092, description="port of the embedded Kafka")

    @field_validator(
        "queues",
        "agents",
        "web_hosts",
        "models",
        "model_types",
        "segments",
        *(f"field_{name}" for name in FIELDS),
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("queues", mode="before")
    @classmethod
    def _no_queues(cls, value: Any) -> Any:
        """Read a word for none; of validators that come before, the last one goes first."""
        return () if isinstance(value, str) and value.strip().lower() in OFF else value

    @field_validator("segments")
    @classmethod
    def _segments_are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > MAX_KEYS:
            raise ValueError(f"it names {len(value)} keys, and there can be {MAX_KEYS} at most")
        for key in value:
            if len(key) > MAX_CHARS or ":" in key or key in SIZES or value.count(key) > 1:
                raise ValueError(
                    f"{key!r} is no key: one has up to {MAX_CHARS} characters, no colon, is named once, and is neither "
                    f"{' nor '.join(SIZES)}, which are segments anyway"
                )
        return value

    @field_validator("model", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @field_validator("kafka")
    @classmethod
    def _servers_have_ports(cls, value: str) -> str:
        servers = [server.strip() for server in value.split(",") if server.strip()]
        for server in servers:
            if not re.fullmatch(r"[^\s/@]+:\d{1,5}", server):
                raise ValueError(f"{server!r} is not of the form host:port")
        return ",".join(servers)

    @field_validator("web_url")
    @classmethod
    def _web_url_is_an_address(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not ADDRESS.fullmatch(value):
            raise ValueError(f"{value!r} is not of the form http://host:port or https://host:port")
        return value

    @field_validator("web_token")
    @classmethod
    def _token_fits_a_header(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value()
        if not (token.isascii() and token.isprintable()):
            raise ValueError(
                "it has characters that an HTTP header cannot hold: use ASCII letters, digits and punctuation"
            )
        return value

    @model_validator(mode="after")
    def _files_of_a_certificate_come_together(self) -> Settings:
        for broker in ("amqp", "kafka"):
            cert, key = getattr(self, f"{broker}_tls_cert"), getattr(self, f"{broker}_tls_key")
            if (cert is None) != (key is None):
                raise ValueError(
                    f"{PREFIX}{broker.upper()}_TLS_CERT and {PREFIX}{broker.upper()}_TLS_KEY belong together: set both"
                )
        return self

    @model_validator(mode="after")
    def _every_kind_has_a_queue_and_a_topic_of_its_own(self) -> Settings:
        for what, name_of in (("QUEUE", self.queue_of), ("TOPIC", self.topic_of)):
            names = [name_of(kind) for kind in KINDS]
            if len(set(names)) < len(names):
                said = ", ".join(f"{PREFIX}{what}_{kind.upper()}={name_of(kind)}" for kind in KINDS)
                raise ValueError(f"two kinds of rows share a {what.lower()} ({said}): each needs its own")
        ours = {f"{self.namespace}{name}" for name in ("metric", "quarantine", "quarantine-resolved")}
        if taken := ours.intersection(self.topic_of(kind) for kind in KINDS):
            raise ValueError(
                f"the topic {taken.pop()!r} is one that the program writes itself: choose another for rows"
            )
        return self

    @model_validator(mode="after")
    def _models_are_told_apart(self) -> Settings:
        files = [file.name for file in self.model_files]
        for setting, names in (("MODELS", self.models), ("MODEL", files)):
            if len(set(names)) < len(names):
                raise ValueError(f"{PREFIX}{setting} names a model twice ({', '.join(names)}): name each once")
            if long := [name for name in names if len(name) > MAX_NAME_CHARS]:
                raise ValueError(
                    f"{PREFIX}{setting} names {long[0][:MAX_NAME_CHARS]}…: a model's name has at most {MAX_NAME_CHARS} characters"
                )
            if len(names) > MAX_MODELS:
                raise ValueError(
                    f"{PREFIX}{setting} names {len(names)} models: at most {MAX_MODELS} are joined for one id"
                )
        strange = [name for name in files if name and self.models and name not in self.models]
        if strange:
            raise ValueError(
                f"{PREFIX}MODEL names {', '.join(strange)}, and {PREFIX}MODELS only {', '.join(self.models)}: predictions of "
                f"other models are refused; name the same models in both"
            )
        return self

    @model_validator(mode="after")
    def _nobody_opens_the_web_view_by_mistake(self) -> Settings:
        if not (self.web_is_local or self.web_open or self.web_token.get_secret_value()):
            raise ValueError(
                f"{PREFIX}WEB_BIND is {self.web_bind!r}, which other machines can reach: set {PREFIX}WEB_TOKEN, "
                f"or {PREFIX}WEB_OPEN=true if something else guards it"
            )
        return self

    @property
    def web_is_local(self) -> bool:
        """Whether only this machine reaches the web view."""
        try:
            return self.web_bind == "localhost" or ipaddress.ip_address(self.web_bind).is_loopback
        except ValueError:
            return False  # another name, such as 127.example.org, may lead anywhere

    def as_loaded(self) -> Settings:
        """Return these settings with all secrets as they were when they were loaded."""
        copy = self.model_copy()
        copy._files = {}
        return copy

    def secret(self, name: str) -> str:
        """Return a secret as it is now: one that comes from a file is read again, since such files are rotated.

        While its file is gone or empty, as it is for a moment when it is written, the secret is the one that was loaded.
        """
        value: SecretStr = getattr(self, name)
        now = ""
        if name in self._files:
            with suppress(OSError, UnicodeDecodeError):
                now = _read_secret(self._files[name])
        return now or value.get_secret_value()

    @property
    def amqp_address(self) -> str:
        """RabbitMQ's URL, secrets included; the embedded broker's where none is set."""
        return self.secret("amqp_url") or f"amqp://127.0.0.1:{self.dev_amqp_port}/%2F"

    @property
    def kafka_address(self) -> str:
        """Kafka's bootstrap servers, `host:port`, comma-separated; the embedded broker's where none is set."""
        return self.kafka or f"127.0.0.1:{self.dev_kafka_port}"

    @property
    def state_path(self) -> Path:
        """Directory of the worker's table and instance id."""
        return self.state_dir or self.dev_dir / "state"

    @property
    def model_files(self) -> tuple[ModelFile, ...]:
        """The models that the worker itself runs."""
        parts = [part.strip() for part in self.model.split(",") if part.strip()]
        named = [_NAMED_MODEL.fullmatch(part) for part in parts]
        if not named or not all(named):
            return (ModelFile("", Path(self.model)),)
        return tuple(ModelFile(one[1].strip(), Path(one[2].strip())) for one in named if one)

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models whose predictions of an id are each joined, the reference first; none: any model's is that of its id."""
        files = self.model_files
        return self.models or (tuple(file.name for file in files) if len(files) > 1 else ())

    def queue_of(self, kind: Kind) -> str:
        """Return the name of the RabbitMQ queue of `kind`."""
        name: str = getattr(self, f"queue_{kind}")
        return name

    @property
    def queue_names(self) -> tuple[str, ...]:
        """Names of the RabbitMQ queues that the bridge reads; none where Kafka alone is used."""
        return tuple(self.queue_of(kind) for kind in self.queues)

    @property
    def has_bridge_inside(self) -> bool:
        """Whether the worker moves the queues itself, and no bridge of its own runs."""
        return self.bridge_in_worker and bool(self.queues)

    def topic_of(self, kind: Kind) -> str:
        """Return the name of the Kafka topic of `kind`."""
        name: str = getattr(self, f"topic_{kind}")
        return name or f"{self.namespace}{kind}"

    @property
    def fields(self) -> Fields:
        """Names of one's own for the fields of a row."""
        return Fields(*(getattr(self, f"field_{field}") for field in FIELDS))

    @property
    def app_id(self) -> str:
        """Name of the Faust app, which is its consumer group and the prefix of its changelogs."""
        return f"{self.namespace}hindsight"

    @property
    def waiting_s(self) -> float:
        """Longest wall-clock wait of an id for its other side while an input is idle, in seconds."""
        return self.join_window_s + self.max_out_of_orderness_s


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises:
        SettingsError: a value cannot be used, a secret's file cannot be read, or a `HINDSIGHT_` name is unknown.
    """
    values, files, faults = _collect(environ)
    faults += [f"{old} is the former name of {new}: set only one." for old, new in _former(environ) if environ.get(new)]
    try:
        settings = Settings.model_validate(values)
        settings._files.update(files)
    except ValidationError as exc:
        faults += [_sentence(error, values) for error in exc.errors()]
    if faults:
        raise SettingsError("\n".join([*faults, *former_names(environ)]))
    return settings


def former_names(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each setting that the environment names as it was once named."""
    return [f"{old} is now called {new}; the former name still works." for old, new in _former(environ)]


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once; say which of them go by a former name.

    Raises:
        SettingsError: see `load`.
    """
    found = load(os.environ)
    for sentence in former_names(os.environ):
        logger.warning(sentence)
    return found


def _former(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that are set under a former name, each with its name of today."""
    names = [(f"{PREFIX}{old.upper()}", f"{PREFIX}{new.upper()}") for old, new in FORMER_NAMES.items()]
    return [(old, new) for old, new in names if environ.get(old)]


def _is_secret(name: str) -> bool:
    return Settings.model_fields[name].annotation is SecretStr


def _collect(environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Path], list[str]]:
    """Return the values and the secrets' files by field name, and a sentence for each name or file that cannot be used."""
    values: dict[str, str] = {}
    files: dict[str, Path] = {}
    faults: list[str] = []
    for name, text in environ.items():
        if not name.startswith(PREFIX):
            continue
        field = name.removeprefix(PREFIX).lower()
        field = FORMER_NAMES.get(field, field)
        if field in Settings.model_fields:
            if text != "" or field == "queues":
                values.setdefault(field, text)
        elif field.endswith("_file") and field.removesuffix("_file") in Settings.model_fields:
            secret = field.removesuffix("_file")
            if not _is_secret(secret):
                faults.append(f"{name}: only secrets are read from files; set {PREFIX}{secret.upper()} itself.")
                continue
            try:
                values[secret] = _read_secret(Path(text))
                files[secret] = Path(text)
            except (OSError, UnicodeDecodeError) as exc:
                faults.append(f"{name} names {text!r}, which cannot be read: {exc}.")
        else:
            faults.append(_unknown(name))
    return values, files, faults


def _read_secret(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1, cutoff=0.6)
    hint = f"did you mean {PREFIX}{near[0].upper()}?" if near else "docs/configuration.md lists all settings."
    return f"{name} is not a setting: {hint}"


def _sentence(error: Any, values: Mapping[str, str]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    field = str(error["loc"][0])
    shown = "(hidden)" if _is_secret(field) else repr(values.get(field))
    return _without_login(f"{PREFIX}{field.upper()} is {shown}: {message[:1].lower()}{message[1:]}.")


def _without_login(sentence: str) -> str:
    """Return a sentence without what may be a user and a password in an address, where none belongs."""
    return re.sub(r"[^\s/,'\"]*:[^\s,'\"]*@", "(hidden)@", sentence)
