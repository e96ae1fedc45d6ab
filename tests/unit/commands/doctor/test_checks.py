"""The checks of `doctor` that need no broker."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from commands.doctor import check_files_and_ports, check_kafka, check_model, check_python, check_settings, check_topics
from commands.doctor.command import line
from commands.doctor.finding import Finding, note, ok
from models.artefact import sha256
from models.card import Card, encode
from streams.kafka.topics import topics as named
from streams.process.tls import tls_problem
from streams.settings import Settings

LOG = named(Settings()).pairs_log
GOOD_LOG = {"cleanup.policy": "delete", "retention.ms": LOG.config["retention.ms"], "max.message.bytes": str(8 << 20)}


def levels(found: list[Finding]) -> list[str]:
    return [finding.level for finding in found]


def test_a_package_that_is_missing_is_named():
    found = check_python.packages({"no-such-package": "1.0"})
    assert found.level == "wrong"
    assert "no-such-package" in found.said


def test_a_package_of_another_version_is_a_note():
    assert check_python.packages({"pytest": "0.1"}).level == "note"


def test_packages_of_other_systems_are_not_asked_for(tmp_path: Path):
    lock = tmp_path / "lock"
    lock.write_text(
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:00\npika==1.4.4 \\\n    --hash=x\n"
    )
    assert check_python.locked(lock) == {"pika": "1.4.4"}


def test_settings_that_fit_are_listed():
    (found,) = check_settings.check(Settings(partitions=8))
    assert found.said == "1 set (HINDSIGHT_PARTITIONS), the rest at their defaults"


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        (Settings(kafka_user="u"), "note"),
        (Settings(kafka_security="SASL_SSL"), "wrong"),
        (Settings(amqp_url="http://x"), "wrong"),  # type: ignore[arg-type]
        (Settings(agents=("metric",), queues=("y_true",)), "note"),
        (Settings(alerts=Path("nowhere.toml")), "wrong"),
    ],
    ids=["user without SASL", "SASL without user", "no AMQP URL", "nobody predicts", "no file of rules"],
)
def test_settings_that_do_not_fit_are_found(settings: Settings, level: str):
    assert level in levels(check_settings.check(settings))


def test_a_directory_that_will_be_made_is_fine(tmp_path: Path):
    assert check_files_and_ports.directory("logs", tmp_path / "a" / "b", "HINDSIGHT_LOGS_DIR").level == "ok"


def test_a_directory_below_a_file_is_wrong(tmp_path: Path):
    (tmp_path / "file").write_text("")
    found = check_files_and_ports.directory("logs", tmp_path / "file" / "logs", "HINDSIGHT_LOGS_DIR")
    assert found.level == "wrong"
    assert "set HINDSIGHT_LOGS_DIR" in found.said


def test_figures_that_are_damaged_are_wrong_and_those_that_are_not_there_yet_are_not(tmp_path: Path):
    settings = Settings(logs_dir=tmp_path)
    assert check_files_and_ports.figures(settings) == []
    (tmp_path / "insight.db").write_bytes(b"x" * 9000)
    (found,) = check_files_and_ports.figures(settings)
    assert found.level == "wrong"
    assert "insight.db is damaged" in found.said


def test_a_port_of_somebody_else_is_wrong():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert check_files_and_ports.port("web port", "127.0.0.1", server.getsockname()[1]).level == "wrong"


def test_a_missing_model_says_how_to_get_one(tmp_path: Path):
    (found,) = check_model.check(Settings(model=tmp_path / "none.skops"))
    assert "python -m models.train" in found.said


def test_a_model_that_hangs_is_waited_for_for_a_while(monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()
    monkeypatch.setattr(check_model, "load_model", lambda settings, file: released.wait())
    monkeypatch.setattr(check_model, "PATIENCE_S", 0.1)
    (found,) = check_model.check(Settings())
    released.set()
    assert (found.level, "was not loaded and tried within 0.1 s: it hangs" in found.said) == ("wrong", True)


def test_a_model_that_ends_programs_does_not_end_the_doctor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check_model, "load_model", lambda settings, file: sys.exit(3))
    (found,) = check_model.check(Settings())
    assert (found.level, found.said) == ("wrong", f"{Settings().model} cannot be loaded: SystemExit was raised")


def test_a_model_that_predicts_is_fine_with_its_features_and_where_null_is_taken(tmp_path: Path):
    frame = pd.DataFrame({"bmi": [1.0, 2.0, 3.0], "age": [3.0, 1.0, 2.0]})
    gaps = make_column_transformer((SimpleImputer(), ["age"]), remainder="passthrough")
    skops.io.dump(make_pipeline(gaps, Ridge()).fit(frame, [1.0, 2.0, 3.0]), tmp_path / "model.skops")

    (found,) = check_model.check(Settings(model=tmp_path / "model.skops"))

    assert found.level == "ok"
    assert found.said.endswith("predicts; it takes 2 features (bmi, age); null is a missing value of age")


def test_a_model_of_other_versions_is_one_line_more(tmp_path: Path):
    path = tmp_path / "model.skops"
    skops.io.dump(Ridge().fit([[1.0], [2.0]], [1.0, 2.0]), path)
    card = Card(model="price", sha256=sha256(path.read_bytes()), features=["bmi"], libraries={"numpy": "0.1"})
    path.with_suffix(".card.json").write_bytes(encode(card))

    found = check_model.check(Settings(model=path))

    assert levels(found) == ["ok", "note"]
    assert "made with numpy 0.1 (here " in found[1].said


def test_a_model_that_does_not_predict_is_wrong(tmp_path: Path):
    skops.io.dump(Ridge().fit([[1.0], [2.0]], [[1.0, 2.0], [3.0, 1.0]]), tmp_path / "model.skops")

    (found,) = check_model.check(Settings(model=tmp_path / "model.skops"))

    assert found.level == "wrong"
    assert "2 numbers" in found.said


def test_a_worker_without_the_agent_needs_no_model(tmp_path: Path):
    assert levels(check_model.check(Settings(agents=("metric",), model=tmp_path / "none.skops"))) == ["note"]


def test_a_log_as_declared_is_fine():
    assert check_topics.faults(LOG, GOOD_LOG) == []
    assert check_topics.log_faults(LOG, GOOD_LOG, Settings()) == []
    assert check_topics.log_faults(LOG, GOOD_LOG | {"retention.ms": "-1"}, Settings()) == []


def test_small_records_and_other_partitions_are_wrong():
    assert levels(check_topics.faults(LOG, GOOD_LOG | {"max.message.bytes": "1048588"})) == ["wrong"]


@pytest.mark.parametrize(
    ("config", "level"),
    [
        ({"cleanup.policy": "compact"}, "wrong"),
        ({"retention.ms": "1000"}, "wrong"),
        ({"retention.ms": "8000000"}, "note"),
    ],
    ids=["compacted", "too short", "short"],
)
def test_a_log_that_forgets_is_found(config: dict[str, str], level: str):
    assert levels(check_topics.log_faults(LOG, GOOD_LOG | config, Settings())) == [level]


def test_a_decision_of_the_future_tells_of_a_wrong_clock():
    assert check_kafka.clock(1000.0, 1000.0) == []
    assert levels(check_kafka.clock(1100.0, 1000.0)) == ["note"]


def test_a_certificate_of_another_ca_names_the_setting():
    exc = ssl.SSLCertVerificationError()
    exc.verify_code, exc.verify_message = 19, "self-signed certificate in chain"
    assert "HINDSIGHT_KAFKA_TLS_CA" in tls_problem(exc, "KAFKA", "k1")
    exc.verify_code = 62
    assert "not valid for the name 'k1'" in tls_problem(exc, "KAFKA", "k1")


def test_a_command_is_never_wrapped():
    command = "HINDSIGHT_QUEUE_KIND=transient faust -A streams topology --recreate"
    assert line(note("thing", "word " * 60, command)).splitlines()[-1].strip() == command


def test_long_lines_are_wrapped_under_their_beginning():
    text = line(ok("thing", "word " * 60)).splitlines()
    assert len(text) > 1
    assert {len(each) - len(each.lstrip()) for each in text[1:]} == {36}


def test_a_checkout_has_a_lock_file():
    assert os.path.basename(check_python.LOCK) == "requirements.lock"  # noqa: PTH119
    assert check_python.locked(check_python.LOCK)
