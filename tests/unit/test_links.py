"""Signed links: only what was made, only for its page, only for its time."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.links import BadLink, LinkExpired, Links, subject_of, token_for
from tests.conftest import START

HOUR = timedelta(hours=1)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_a_token_says_what_it_was_made_for(subject: str) -> None:
    token = token_for("ledger", subject, START + HOUR)
    assert subject_of("ledger", token, START + HOUR - timedelta(seconds=1)) == subject
    with pytest.raises(LinkExpired):
        subject_of("ledger", token, START + HOUR)
    with pytest.raises(BadLink):
        subject_of("file", token, START)


@given(st.data())
def test_a_token_with_any_character_changed_is_none(data: st.DataObject) -> None:
    token = token_for("ledger", "attendance:12", START + HOUR)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != token[at]))
    with pytest.raises(BadLink):
        subject_of("ledger", f"{token[:at]}{other}{token[at + 1 :]}", START)


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "签.到", "=.=", f"{'A' * 5000}.{'0' * 32}"])
def test_anything_else_is_none(token: str) -> None:
    with pytest.raises(BadLink):
        subject_of("ledger", token, START)


def test_without_an_address_there_is_no_link() -> None:
    assert Links().make("ledger", "attendance:12", START, HOUR) == ""
    link = Links("https://bot.example.org").make("ledger", "attendance:12", START, HOUR)
    assert link.startswith("https://bot.example.org/p/ledger/")
