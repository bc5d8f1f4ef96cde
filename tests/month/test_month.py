"""1,400 hazards and 366 appeals of a month with 中秋, 国庆 and 调休: every rung is where working time says."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import select

from bot.content import Card, Text, load
from models.database import Database
from models.outbox import Post, PostKind
from models.sealing import unlock
from tests.conftest import KEY, empty_database
from tests.month.city import UNITS
from tests.month.judge import Climb, Judge
from tests.month.play import Month, is_night, minutes, play
from tests.month.story import APPEALS, HAZARDS, LAST

pytestmark = pytest.mark.xdist_group("month")
SEED = 5


@pytest.fixture(scope="module")
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """Played once for all tests of this file, on SQLite: the ladder's own tests run on both databases."""
    request.param = "sqlite"
    unlock(KEY)
    database = Database(empty_database(request, tmp_path_factory.mktemp("month")))
    yield play(database, SEED)
    database.close()


@pytest.fixture(scope="module")
def expected(month: Month) -> Counter[Climb]:
    facts, looks = month.facts(), minutes(month.looks)
    by_day = minutes([look for look in month.looks if not is_night(look)])
    judges = [Judge(told, facts[told.number], looks, by_day) for told in month.told]
    return Counter(climb for judge in judges for climb in judge.climbs(LAST))


def test_every_case_was_told_and_done_as_the_story_goes(month: Month) -> None:
    steps = month.steps()
    assert len(month.told) == HAZARDS + APPEALS
    for told in month.told:
        assert steps[told.number] == [(act.at, act.action) for act in told.acts], told.number


def test_every_escalation_is_where_working_time_says(month: Month, expected: Counter[Climb]) -> None:
    found = month.climbs()
    assert sorted(expected - found) == []
    assert sorted(found - expected) == []


def test_the_month_has_some_of_everything(expected: Counter[Climb]) -> None:
    kinds = Counter((climb.cause, climb.rung) for climb in expected)
    assert all(kinds[cause, rung] > 20 for cause in ("受理超时", "办结超时") for rung in ("催办", "督办", "提级"))
    assert kinds["三次重办", "提级"] > 5
    assert kinds["三次转办", "提级"] > 5


def _said(month: Month) -> Iterator[tuple[datetime, str, str]]:
    """What the bot said by itself: when, where, and the words."""
    with month.database.read() as session:
        query = select(Post).where(Post.kind == PostKind.POST, Post.message_id.is_(None)).order_by(Post.id)
        for post in session.scalars(query):
            content = load(post.content)
            assert isinstance(content, Text | Card)
            yield post.created_at, post.target, content.as_text()


def test_nobody_hears_of_the_ladder_twice_in_one_run(month: Month) -> None:
    ladder = Counter((at, target) for at, target, text in _said(month) if text.startswith(("⏰", "📣", "⬆️")))
    assert max(ladder.values()) == 1


def test_no_group_hears_of_an_appeal(month: Month) -> None:
    groups = {f"oc_{unit}" for unit in UNITS} | {told.branch.chat for told in month.told}
    heard = [text for _, target, text in _said(month) if target in groups]
    assert len(heard) > 100
    assert not [text for text in heard if "诉求" in text]
