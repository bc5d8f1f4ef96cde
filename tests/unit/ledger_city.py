"""A branch with a 党小组 and a quarter of meetings in which everything happens that a ledger must tell apart."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from bot.reports.ledgers import Period, Wanted
from models.base import WithId
from models.lessons import (
    CheckIn,
    CheckInWay,
    Decision,
    Leave,
    Lesson,
    LessonSite,
    LessonState,
)
from models.make_ups import MakeUp
from models.materials import Material
from models.organisations import Organisation, OrganisationKind
from models.people import Person, Post
from tests.unit.city import City, shanghai

Record = TypeVar("Record", bound=WithId)
_numbers = itertools.count(10_000)
NOW = shanghai(11, 23, 15)
DANGEROUS = ("=1+1", "+8", "-1", "@SUM(A1)", "\t=cmd|' /C calc'!A0")
"""Texts that a spreadsheet would run."""


@dataclass(frozen=True)
class Told:
    """Ids of what ``settle`` has made."""

    top: int
    branch: int
    held: int
    """The 党课 of 9 October."""


def settle(session: Session) -> Told:
    """Makes it all. October: a 党课 with every mark, a cancelled and a forgotten meeting, a 微课堂 that counts as 党课.
    November: a 党小组会, one to which nobody came, one that is open, and one that is planned."""
    city = City(session)
    top = city.organisation("快递行业党委", OrganisationKind.COMMITTEE)
    branch = city.organisation("甲支部", parent=top)
    group = city.organisation("一组", OrganisationKind.GROUP, parent=branch)
    other = city.organisation("乙支部", parent=top)
    wang = city.person(branch, "王书记", Post.SECRETARY)
    lee, chang = (city.person(branch, name) for name in ("小李", DANGEROUS[0]))
    wu, chou = (city.person(group, name) for name in ("小吴", "小周"))
    guest = city.person(other, "客人")
    everyone = [wang, lee, chang, wu, chou]

    held = _held(city, branch, shanghai(10, 9, 15), "党课", "交通安全", everyone)
    held.place, held.link, held.host, held.recorder = "驿站", "https://example.org/m", "王书记", "小李"
    held.agenda = "学习文件\n讨论"
    _came(city, held, [wang, guest])
    _came(city, held, [lee], late=True, way=CheckInWay.VOUCHED)
    _away(city, held, chang, Decision.APPROVED)
    _away(city, held, chou, Decision.REFUSED)
    _made_up(city, held, wu)
    _add(session, Material(lesson_id=held.id, title="课件", link="", file="", size=0, added_at=NOW, message_id=1))
    cancelled = city.planned(branch, shanghai(10, 15, 15), "党员大会")
    cancelled.state, cancelled.cancelled_why = LessonState.CANCELLED, "大风"
    city.planned(branch, shanghai(10, 20, 15), "主题党日", "忘了的")
    short = _held(city, branch, shanghai(10, 31, 23, 50), "10分钟微课堂", DANGEROUS[4], [wang, lee])
    short.counts_as = "党课"
    _came(city, short, [wang])

    meeting = _held(city, group, shanghai(11, 3, 15), "党小组会", "", [wu, chou])
    _came(city, meeting, [wu, chou])
    _held(city, branch, shanghai(11, 10, 15), "支委会", "", [wang])
    running = _held(city, branch, shanghai(11, 23, 14), "红色学堂", "", everyone)
    running.state, running.closed_at, running.at_sites = LessonState.OPEN, None, True
    site = _add(session, LessonSite(lesson_id=running.id, place="东站驿站", code="123456"))
    _came(city, running, [lee], way=CheckInWay.SITE, site_id=site.id)
    city.planned(branch, shanghai(11, 27, 15), "党员大会", "选举", message_id=77)
    _came(city, _held(city, other, shanghai(11, 5, 15), "党课", "乙的", [guest]), [guest])
    session.flush()
    return Told(top.id, branch.id, held.id)


def wanted(organisation_id: int, first: tuple[int, int] = (10, 1), last: tuple[int, int] = (12, 31)) -> Wanted:
    """A ledger of days of 2026, as of 23 November."""
    days = Period(shanghai(*first, 12).date(), shanghai(*last, 12).date())
    return Wanted(organisation_id, days, NOW)


def _add(session: Session, record: Record) -> Record:
    session.add(record)
    session.flush()
    return record


def _held(
    city: City, organisation: Organisation, at: datetime, kind: str, topic: str, expected: Sequence[Person]
) -> Lesson:
    made = city.held(organisation, at, kind, topic, expected=expected)
    made.closed_at, made.message_id = at + timedelta(minutes=62), next(_numbers)
    return made


def _came(
    city: City,
    lesson: Lesson,
    people: Sequence[Person],
    *,
    late: bool = False,
    way: CheckInWay = CheckInWay.WORD,
    site_id: int | None = None,
) -> None:
    assert lesson.opened_at is not None
    at = lesson.opened_at + timedelta(minutes=20 if late else 1)
    for person in people:
        made = CheckIn(lesson_id=lesson.id, person_id=person.id, at=at, way=way, late=late, site_id=site_id)
        made.message_id = next(_numbers)
        city.session.add(made)


def _away(city: City, lesson: Lesson, person: Person, state: Decision) -> None:
    leave = Leave(lesson_id=lesson.id, person_id=person.id, reason="青铜鲸鱼", state=state, asked_at=lesson.opened_at)
    leave.message_id = next(_numbers)
    city.session.add(leave)


def _made_up(city: City, lesson: Lesson, person: Person) -> None:
    assert lesson.opened_at is not None
    done_at = lesson.opened_at + timedelta(days=3)
    made = MakeUp(lesson_id=lesson.id, person_id=person.id, begun_at=done_at, done_at=done_at, note="要戴头盔")
    made.message_id = next(_numbers)
    city.session.add(made)
