"""Whom a name means: the full name, a part of it, or the surname by which people call one another."""

import pytest

from models.database import Database
from tests.conftest import StandingClock
from tests.unit.city import City
from tests.unit.talk import Talk


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    with database.write.begin() as session:
        City(session).branch("李大河", "周小山", "周石头", "陈师傅", chat="")
    return Talk(database, clock)


@pytest.mark.parametrize(
    ("called", "meant"),
    [
        ("李大河", "李大河"),
        ("大河", "李大河"),
        ("小李", "李大河"),
        ("老李", "李大河"),
        ("李师傅", "李大河"),
        ("李哥", "李大河"),
        ("陈师傅", "陈师傅"),
        ("石头", "周石头"),
    ],
)
def test_points_are_for_who_is_called_so(talk: Talk, called: str, meant: str) -> None:
    answers = dict(talk.say("王书记", "grant_points", person=called, points=2, text="送考"))
    assert meant in answers["王书记"]
    assert meant in answers


@pytest.mark.parametrize("called", ["小周", "周师傅"])
def test_of_two_who_are_called_so_nobody_is_guessed(talk: Talk, called: str) -> None:
    ((whom, answer),) = talk.say("王书记", "grant_points", person=called, points=2, text="送考")
    assert whom == "王书记"
    assert "不止一位" in answer


def test_nobody_is_called_by_a_name_that_is_nobodys(talk: Talk) -> None:
    ((_, answer),) = talk.say("王书记", "grant_points", person="小赵", points=2, text="送考")
    assert "没有找到" in answer
