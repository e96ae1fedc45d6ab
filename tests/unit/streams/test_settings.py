"""What the environment may say, and the sentence for each thing that it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import Settings, SettingsError, load

CANARY = "canary-7c1f"


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load({f"HINDSIGHT_{name}": value for name, value in environ.items()})
    return str(caught.value)


def test_an_empty_environment_is_one_laptop():
    settings = load({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.kafka_address == "127.0.0.1:9092"
    assert settings.amqp_address == "amqp://127.0.0.1:5672/%2F"


def test_an_empty_variable_is_not_set():
    assert load({"HINDSIGHT_PARTITIONS": ""}).partitions == 4


def test_lists_are_read_by_comma():
    assert load({"HINDSIGHT_QUEUES": "y_true, y_pred"}).queues == ("y_true", "y_pred")


def test_a_secret_is_read_from_its_file(tmp_path: Path):
    (tmp_path / "password").write_text(f"{CANARY}\n")
    settings = load({"HINDSIGHT_KAFKA_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings.kafka_password.get_secret_value() == CANARY
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PARTITIONS": "four"}, "HINDSIGHT_PARTITIONS is 'four'"),
        ({"PARTITION": "4"}, "did you mean HINDSIGHT_PARTITIONS?"),
        ({"XYZZY": "1"}, "docs/configuration.md lists all settings"),
        ({"QUEUES": "foo"}, "HINDSIGHT_QUEUES is 'foo'"),
        ({"LATENESS_S": "nan"}, "HINDSIGHT_LATENESS_S is 'nan'"),
        ({"JOIN_WINDOW_S": "0"}, "HINDSIGHT_JOIN_WINDOW_S is '0'"),
        ({"KAFKA_PASSWORD_FILE": "/nowhere"}, "HINDSIGHT_KAFKA_PASSWORD_FILE names '/nowhere', which cannot be read"),
        ({"PARTITIONS_FILE": "x"}, "only secrets are read from files"),
        ({"KAFKA_TLS_CERT": "c.pem"}, "HINDSIGHT_KAFKA_TLS_CERT and HINDSIGHT_KAFKA_TLS_KEY go together"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], said: str):
    assert said in refusal(**environ)


def test_every_fault_has_a_line():
    assert len(refusal(PARTITIONS="four", PARTITION="4", QUEUE_KIND="odd").splitlines()) == 3


def test_no_refusal_shows_a_secret(tmp_path: Path):
    (tmp_path / "binary").write_bytes(b"\xff" + CANARY.encode())
    text = refusal(AMQP_PASSWORD=CANARY, AMQP_PASSWORD_FILE=str(tmp_path / "binary"), PARTITIONS="four")
    assert CANARY not in text
