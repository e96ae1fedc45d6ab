"""A file of rules is read, or each fault in it is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.parse import Unusable, parse
from streams.alerts.rules import KINDS, Alerts, Rule, Webhook, seconds


def faults(text: str) -> str:
    with pytest.raises(Unusable) as caught:
        parse(text, "alerts.toml")
    return str(caught.value)


def test_a_file_is_read():
    found = parse(
        """
        [[rule]]
        name = "mae-of-all"
        metric = "mae"
        over = "2h"
        above = 44
        clear = 42.5
        for = "10m"
        severity = "critical"

        [[rule]]
        name = "drift"
        metric = "drift"

        [[webhook]]
        url = "https://hooks.example.com/1"
        token_file = "/run/secrets/token"

        [[alertmanager]]
        url_env = "ALERTMANAGER"
        """,
        "alerts.toml",
    )
    mae = Rule(name="mae-of-all", metric="mae", over="2h", above=44, clear=42.5, for_="10m", severity="critical")
    assert found.rules == (mae, Rule(name="drift", metric="drift"))
    assert found.webhooks == (Webhook(url="https://hooks.example.com/1", token_file="/run/secrets/token"),)
    assert found.alertmanagers[0].url_env == "ALERTMANAGER"
    assert mae.read_on == "expected"


def test_an_empty_file_has_no_rules():
    assert parse("", "alerts.toml") == Alerts()


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ('metric = "mae"\nabov = 3', "alerts.toml: rule 'a': 'abov' is not a field: did you mean 'above'?"),
        (
            'metric = "mea"\nabove = 3',
            "alerts.toml: rule 'a': metric = 'mea' cannot be used: it must be one of mae, rmse",
        ),
        ('metric = "mae"\nabove = "3"', "alerts.toml: rule 'a': above = '3' cannot be used: it must be a number."),
        ('metric = "mae"\nabove = nan', "alerts.toml: rule 'a': above = nan cannot be used: it must be a number."),
        ('metric = "mae"\nabove = true', "alerts.toml: rule 'a': above = True cannot be used: it must be a number."),
        ('metric = "mae"', "alerts.toml: rule 'a': mae needs one limit, above or below."),
        (
            'metric = "mae"\nabove = 3\nbelow = 2',
            "alerts.toml: rule 'a': mae needs one limit, above or below, not both.",
        ),
        (
            'metric = "mae"\nabove = 3\nclear = 4',
            "alerts.toml: rule 'a': clear = 4 is past the limit, 3: it must be below",
        ),
        ('metric = "coverage"\nbelow = 0.5\nclear = 0.4', "clear = 0.4 is past the limit, 0.5: it must be above it."),
        (
            'metric = "mae"\nabove = 3\nfor = "ten"',
            "for = 'ten' cannot be used: it must be a span such as 0s, 90s or 10m.",
        ),
        ('metric = "p90"\nabove = 3\nbasis = "expected"', "basis = 'expected' does not go with p90: so_far."),
        ('metric = "bridge"\nbasis = "expected"', "basis = 'expected' does not go with bridge: leave it out."),
        ('metric = "drift"\nabove = 3', "drift has a limit of its own: leave out above, below and clear."),
        ('metric = "bridge"\nover = "2h"', "over does not go with bridge: leave it out."),
        ('metric = "mae"\nabove = 3\nby = "country"', "by does not go with mae: leave it out."),
        ('metric = "ledger"\nmin_pairs = 5', "min_pairs does not go with ledger: leave it out."),
        (
            'metric = "mae"\nabove = 3\nmin_coverage = 60',
            "min_coverage = 60 cannot be used: it must be a share from 0 to 1.",
        ),
        ('metric = "mae"\nabove = 3\nover = "0s"', "over = '0s' holds nothing: it must be a span such as 90s"),
        ('metric = "mae"\nabove = 3\nover = "1h\\n"', "over = '1h\\n' cannot be used: it must be a span such as 90s"),
        ("above = 3", "alerts.toml: rule 'a': metric is missing."),
    ],
)
def test_what_cannot_be_used_is_named_by_file_rule_and_field(rule, sentence):
    assert sentence in faults(f'[[rule]]\nname = "a"\n{rule}')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[rule]\n", "alerts.toml is not TOML: "),
        ('[rule]\nname = "a"', "alerts.toml: rule must be written as [[rule]], once for each."),
        ('[[rules]]\nname = "a"', "alerts.toml: 'rules' is not a table: did you mean 'rule'?"),
        ('[[rule]]\nmetric = "drift"', "alerts.toml: rule 1: name is missing."),
        (
            '[[webhook]]\nurl = "hooks"',
            "webhook 1: url = 'hooks' cannot be used: it must be an address that begins with",
        ),
        ("[[webhook]]", "webhook 1: a webhook needs one of url or url_file or url_env."),
        ('[[webhook]]\nurl = "http://a"\nurl_env = "A"', "needs one of url or url_file or url_env, not several."),
        ('[[webhook]]\nurl = "http://a"\ntoken = "x"', "'token' is not a field: did you mean 'token_env'?"),
        (
            '[[webhook]]\nurl = "http://a"\ntoken_env = "A"\ntoken_file = "b"',
            "one of token_file or token_env, not several.",
        ),
    ],
)
def test_so_is_what_is_wrong_with_the_rest_of_the_file(text, sentence):
    assert sentence in faults(text)


def test_all_faults_are_named_at_once():
    text = '[[rule]]\nname = "a"\nmetric = "mae"\nabov = 3\n[[rule]]\nname = "b"\nmetric = "mae"\n'
    assert len(faults(text).splitlines()) == 2


def test_two_rules_of_one_name_are_refused():
    rule = '[[rule]]\nname = "a"\nmetric = "drift"\n'
    assert faults(2 * rule) == "alerts.toml: rule 'a' is there 2 times: each needs a name of its own."


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_sentences(text):
    said = ""
    try:
        parse(text, "alerts.toml")
    except Unusable as exc:
        said = str(exc)
    assert all(line.startswith("alerts.toml") for line in said.splitlines())


@pytest.mark.parametrize("text", ["a = " + "9" * 10_000, "a = " + "[" * 100_000], ids=["a number", "tables"])
def test_what_is_too_large_to_read_is_refused(text):
    assert faults(text).startswith("alerts.toml is not TOML")


@pytest.mark.parametrize("metric", KINDS)
def test_each_metric_can_be_ruled_with_its_fewest_fields(metric):
    limit = "" if KINDS[metric].limit is not None else "above = 1"
    assert parse(f'[[rule]]\nname = "a"\nmetric = "{metric}"\n{limit}', "alerts.toml").rules[0].metric == metric


@pytest.mark.parametrize(("span", "wanted"), [("0s", 0), ("90s", 90), ("1.5m", 90), ("1h", 3600), ("7d", 604_800)])
def test_spans_are_seconds(span, wanted):
    assert seconds(span) == wanted
