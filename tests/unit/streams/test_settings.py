"""What the environment may say, and the sentence for each thing that it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.kinds import KINDS
from streams.settings import FORMER_NAMES, PREFIX, Settings, SettingsError, former_names, load, settings

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


def test_lists_are_comma_separated():
    assert load({"HINDSIGHT_QUEUES": "y_true, y_pred"}).queues == ("y_true", "y_pred")


@pytest.mark.parametrize("text", ["", "off", "none", " Off "])
def test_rows_need_not_come_by_rabbitmq_at_all(text: str):
    settings = load({"HINDSIGHT_QUEUES": text})
    assert settings.queues == settings.queue_names == ()


def test_every_kind_has_the_queue_and_the_topic_that_are_named():
    settings = load(
        {
            "HINDSIGHT_NAMESPACE": "team.",
            "HINDSIGHT_QUEUE_Y_TRUE": "Labels",
            "HINDSIGHT_TOPIC_Y_PRED": "other.pred",
            "HINDSIGHT_QUEUES": "y_true,y_pred",
        }
    )
    assert settings.queue_names == ("Labels", "y_pred")
    assert [settings.topic_of(kind) for kind in KINDS] == ["team.features", "team.y_true", "other.pred"]


def test_a_secret_is_read_from_its_file(tmp_path: Path):
    (tmp_path / "password").write_text(f"{CANARY}\n")
    settings = load({"HINDSIGHT_KAFKA_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings.kafka_password.get_secret_value() == CANARY
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(("former", "name"), FORMER_NAMES.items())
def test_a_setting_is_read_under_its_former_name_and_a_line_says_what_it_is_called_now(former: str, name: str):
    environ = {PREFIX + former.upper(): "7"}
    assert getattr(load(environ), name) == 7
    assert former_names(environ) == [
        f"{PREFIX}{former.upper()} is now called {PREFIX}{name.upper()}; the former name still works."
    ]
    assert former_names({PREFIX + name.upper(): "7"}) == []


def test_a_process_says_in_its_log_which_settings_go_by_a_former_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("HINDSIGHT_LATENESS_S", "7")
    assert settings.__wrapped__().max_out_of_orderness_s == 7
    assert [record.message for record in caplog.records] == former_names({"HINDSIGHT_LATENESS_S": "7"})


def test_a_setting_under_both_of_its_names_is_a_mistake():
    said = refusal(LATENESS_S="7", MAX_OUT_OF_ORDERNESS_S="8")
    assert said.startswith("HINDSIGHT_LATENESS_S is the former name of HINDSIGHT_MAX_OUT_OF_ORDERNESS_S: set only one.")


def test_a_value_that_cannot_be_used_is_named_by_the_name_of_today_with_the_former_beside_it():
    said = refusal(LATENESS_S="nan").splitlines()
    assert said[0].startswith("HINDSIGHT_MAX_OUT_OF_ORDERNESS_S is 'nan'")
    assert said[1].startswith("HINDSIGHT_LATENESS_S is now called")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PARTITIONS": "four"}, "HINDSIGHT_PARTITIONS is 'four'"),
        ({"PARTITION": "4"}, "did you mean HINDSIGHT_PARTITIONS?"),
        ({"XYZZY": "1"}, "docs/configuration.md lists all settings"),
        ({"QUEUES": "foo"}, "HINDSIGHT_QUEUES is 'foo'"),
        ({"MAX_OUT_OF_ORDERNESS_S": "nan"}, "HINDSIGHT_MAX_OUT_OF_ORDERNESS_S is 'nan'"),
        ({"JOIN_WINDOW_S": "0"}, "HINDSIGHT_JOIN_WINDOW_S is '0'"),
        ({"JOIN_WINDOW_S": "1e11"}, "HINDSIGHT_JOIN_WINDOW_S is '1e11'"),
        ({"KAFKA_PASSWORD_FILE": "/nowhere"}, "HINDSIGHT_KAFKA_PASSWORD_FILE names '/nowhere', which cannot be read"),
        ({"PARTITIONS_FILE": "x"}, "only secrets are read from files"),
        ({"QUEUE_Y_TRUE": "y_pred"}, "two kinds of rows share a queue (HINDSIGHT_QUEUE_FEATURES=features, "),
        ({"TOPIC_Y_TRUE": "a.y_pred", "NAMESPACE": "a."}, "two kinds of rows share a topic"),
        ({"TOPIC_Y_TRUE": "metric"}, "the topic 'metric' is one that the program writes itself"),
        ({"TOPIC_Y_TRUE": "a/b"}, "HINDSIGHT_TOPIC_Y_TRUE is 'a/b'"),
        ({"KAFKA_TLS_CERT": "c.pem"}, "HINDSIGHT_KAFKA_TLS_CERT and HINDSIGHT_KAFKA_TLS_KEY belong together"),
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


def test_a_secret_in_a_file_is_read_again_and_again(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("first\n")
    settings = load({"HINDSIGHT_AMQP_PASSWORD_FILE": str(file), "HINDSIGHT_WEB_TOKEN": "fixed"})
    file.write_text("second\n")
    assert (settings.secret("amqp_password"), settings.secret("web_token")) == ("second", "fixed")
    assert settings.as_loaded().secret("amqp_password") == "first"
    file.write_text("")  # as it is for a moment while it is written: no password is not the new one
    assert settings.secret("amqp_password") == "first"
    file.unlink()
    assert settings.secret("amqp_password") == "first"


@pytest.mark.parametrize(
    ("bind", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("127.evil.example", False),
        ("127.0.0.1.example", False),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
    ],
)
def test_only_addresses_of_this_machine_need_no_token(bind: str, is_local: bool):
    assert load({"HINDSIGHT_WEB_BIND": bind, "HINDSIGHT_WEB_OPEN": "true"}).web_is_local == is_local
    if not is_local:
        assert "set HINDSIGHT_WEB_TOKEN" in refusal(WEB_BIND=bind)


@pytest.mark.parametrize(
    "kafka", [f"user:{CANARY}@host:9092", f"SASL_SSL://user:{CANARY}@host:9092", f"h:1,u:{CANARY}@h:2"]
)
def test_a_password_where_none_belongs_is_not_said(kafka: str):
    text = refusal(KAFKA=kafka)
    assert "is not of the form host:port" in text
    assert CANARY not in text


def test_the_models_are_listed_or_follow_from_those_that_the_worker_runs():
    assert Settings().model_names == ()
    assert load({"HINDSIGHT_MODELS": "champion, challenger"}).model_names == ("champion", "challenger")
    several = load({"HINDSIGHT_MODEL": "champion=a.skops, challenger = b/c=d.skops"})
    assert several.model_files == (("champion", Path("a.skops")), ("challenger", Path("b/c=d.skops")))
    assert several.model_names == ("champion", "challenger")
    one = load({"HINDSIGHT_MODEL": "champion=a.skops"})
    assert (one.model_files, one.model_names) == ((("champion", Path("a.skops")),), ())


@pytest.mark.parametrize("path", ["a.skops", "./x=1/a.skops", "runs/x=1/a.skops", "a,b.skops", "x=a.skops,b.skops"])
def test_a_path_alone_is_one_model_that_has_its_own_name(path: str):
    assert load({"HINDSIGHT_MODEL": path}).model_files == (("", Path(path)),)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"MODELS": "a,b,a"}, "HINDSIGHT_MODELS names a model twice (a, b, a): name each once"),
        ({"MODEL": "a=x.skops,a=y.skops"}, "HINDSIGHT_MODEL names a model twice (a, a): name each once"),
        ({"MODEL": f"{'n' * 129}=x.skops"}, "a model's name has at most 128 characters"),
        ({"MODELS": "1,2,3,4,5,6,7,8,9"}, "HINDSIGHT_MODELS names 9 models: at most 8 are joined for one id"),
        (
            {"MODELS": "a,b", "MODEL": "c=x.skops"},
            "HINDSIGHT_MODEL names c, and HINDSIGHT_MODELS only a, b: predictions",
        ),
        ({"MODELS": "a\nb"}, "HINDSIGHT_MODELS is 'a\\nb'"),
    ],
)
def test_models_that_cannot_be_told_apart_are_named(environ: dict[str, str], said: str):
    assert said in refusal(**environ)


def test_the_keys_of_segments_are_a_list():
    assert load({"HINDSIGHT_SEGMENTS": "country, tier"}).segments == ("country", "tier")
    assert load({}).segments == ()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("a,b,c,d,e,f,g,h,i", "names 9 keys, and there can be 8 at most"),
        ("a,b,a", "'a' is no key"),
        ("a:b", "'a:b' is no key"),
        ("country,y_pred", "'y_pred' is no key"),
        ("x" * 65, "is no key"),
    ],
    ids=["too many", "twice", "a colon", "a size", "too long"],
)
def test_what_is_no_key_of_segments_is_said(keys, says):
    with pytest.raises(SettingsError, match=says):
        load({"HINDSIGHT_SEGMENTS": keys})
