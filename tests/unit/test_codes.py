"""The code that changes every 15 seconds: when it counts, and when not."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from models.codes import AHEAD, GRACE, STEP, code_at, code_counts, new_secret, new_site_code, window_ends, window_of

SECRETS = st.binary(min_size=16, max_size=16)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # made aware
SECOND = timedelta(seconds=1)


@given(SECRETS, MOMENTS, st.integers(0, 5_000))
def test_a_code_counts_from_when_it_is_shown_until_five_seconds_after(
    secret: bytes, moment: datetime, milliseconds: int
) -> None:
    code, ends = code_at(secret, moment), window_ends(window_of(moment))
    assert len(code) == 4
    assert code.isdecimal()
    for sent_at in (ends - STEP, moment, ends, ends + timedelta(milliseconds=milliseconds) - timedelta(microseconds=1)):
        assert code_counts(secret, code, sent_at)


@given(SECRETS, MOMENTS)
def test_a_code_is_refused_21_seconds_later_whenever_it_was_read(secret: bytes, moment: datetime) -> None:
    later = moment + 21 * SECOND
    code = code_at(secret, moment)
    assume(code not in {code_at(secret, later - GRACE), code_at(secret, later), code_at(secret, later + AHEAD)})
    assert not code_counts(secret, code, later)


@given(SECRETS, SECRETS, MOMENTS)
def test_the_code_of_the_neighbouring_lesson_never_counts(secret: bytes, other: bytes, moment: datetime) -> None:
    code = code_at(other, moment)
    assume(code not in {code_at(secret, moment + STEP * step) for step in (-1, 0, 1)})
    assert not code_counts(secret, code, moment)


def test_a_phone_may_be_a_second_ahead_of_the_screen_and_no_more() -> None:
    secret = bytes(16)
    begins = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    code = code_at(secret, begins)
    assert code_counts(secret, code, begins - SECOND)
    assert not code_counts(secret, code, begins - SECOND - timedelta(microseconds=1))


def test_codes_change_and_differ_between_lessons() -> None:
    begins = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    secret = bytes(16)
    shown = {code_at(secret, begins + STEP * step) for step in range(1000)}
    assert len(shown) > 900
    assert new_secret() != new_secret()
    assert len({new_site_code() for _ in range(100)}) > 90
    assert all(len(code) == 6 and code.isdecimal() for code in (new_site_code() for _ in range(100)))
