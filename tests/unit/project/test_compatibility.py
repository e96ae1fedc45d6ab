"""Every form of a message in docs/compatibility.md was tried, and the page says what came of it."""

from __future__ import annotations

import pytest

from tests.forms import FORMS, PAGE, Form, outcome, table


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind}: {form.what}")
def test_what_becomes_of_each_form(form: Form) -> None:
    assert outcome(form).startswith(form.gives)


def test_there_are_many() -> None:
    assert len(FORMS) >= 40


def test_the_page_is_what_the_forms_say() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), "run `python -m tests.forms`"
