"""The product's account of a stretch of time and the judge's, side by side. Each function asserts that they agree."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from tests.year import judge
from tests.year.days import DAY, day_of, moment
from tests.year.play import Played, duties_differ
from tests.year.product import lesson_ids, read_figures, read_marks
from tests.year.record import Meeting

Key = TypeVar("Key")
Value = TypeVar("Value")

SHOWN = 8
"""Differences that are named."""
_SUMMARY = re.compile(
    r"📋 (随到随学：\S+ )?签到结束：应到 (?P<expected>\d+)，"
    r"实到 (?P<present>\d+)(（迟到 (?P<late>\d+)）)?，请假 (?P<on_leave>\d+)"
    r"(，补课 (?P<made_up>\d+))?，缺席 (?P<missing>\d+)(，列席 (?P<guests>\d+))?"
)
_REMINDER = re.compile(r"^⏰ (?P<day>今天|明天) (?P<hour>\d\d:\d\d)，(?P<kind>[^《。]+)")
_OWED = re.compile(r"^· (?P<period>本月|本季度|今年)：(?P<kinds>.+)$", re.MULTILINE)
_KIND = re.compile(r"(?P<kind>[^、（）]+)(（(?P<groups>[^）]+)）)?")
_EVERY = {"本月": "month", "本季度": "quarter", "今年": "year"}
_NEW_YEAR = moment(judge.ALL_PERIODS[0].first, 0)


class Disagreement(AssertionError):
    """The judge and the product differ; it says where."""


def same_sets(ours: Collection[object], theirs: Collection[object]) -> None:
    """The same things, each as often."""
    left, right = Counter(ours), Counter(theirs)
    if left != right:
        raise Disagreement(f"the judge alone:\n{_some(left - right)}\nthe product alone:\n{_some(right - left)}")


def same_values(ours: Mapping[Key, Value], theirs: Mapping[Key, Value]) -> None:
    """The same values under the same keys."""
    keys = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
    if keys:
        both = [f"{key}: the judge {ours.get(key)}, the product {theirs.get(key)}" for key in keys]
        raise Disagreement(f"{len(keys)} differ:\n{_some(both)}")


def _some(things: Iterable[object]) -> str:
    return "\n".join(str(thing) for thing in itertools.islice(things, SHOWN))


def lessons_are_those_of_the_record(played: Played) -> None:
    """Everything that was opened is there, once, and nothing else."""
    with played.database.read() as session:
        same_sets([meeting.id for meeting in played.held], lesson_ids(session))


def marks_agree(played: Played) -> None:
    """Every mark of every meeting, and no more marks than these."""
    with played.database.read() as session:
        read = read_marks(session, [meeting.id for meeting in played.held])
    ours: dict[tuple[str, str], str] = {}
    theirs: dict[tuple[str, str], str] = {}
    for meeting in played.held:
        marks = judge.marks(meeting, played.now).items()
        ours |= {(meeting.name, member.name): mark for member, mark in marks}
        theirs |= {(meeting.name, name): mark for name, mark in read[meeting.id].items()}
    same_values(ours, theirs)


def figures_agree(played: Played) -> None:
    """应到, 实到 and the others of every tenth meeting: they are counted from the marks, all of which are compared."""
    meetings = played.held[::10]
    with played.database.read() as session:
        theirs = {meeting.name: read_figures(session, meeting.id) for meeting in meetings}
    ours = {meeting.name: judge.figures(judge.marks(meeting, played.now)) for meeting in meetings}
    same_values(ours, theirs)


def summaries_agree(played: Played) -> None:
    """What each group heard at the end of each meeting, by what was known then."""
    theirs = [(said.target, said.at, _figures(found)) for said in played.said if (found := _SUMMARY.search(said.text))]
    ours = [
        (meeting.chat, when, judge.figures(judge.marks(meeting, when)))
        for meeting in played.held
        if (when := _ended(played, meeting)) <= played.now
    ]
    same_sets(ours, theirs)


def _figures(found: re.Match[str]) -> judge.Figures:
    return judge.Figures(**{label: int(value or 0) for label, value in found.groupdict().items()})


def _ended(played: Played, meeting: Meeting) -> datetime:
    """When the bot ended it: at its time or, where there was no server then, as soon as there was."""
    when = judge.closed_at(meeting)
    return next((outage.end for outage in played.story.wire.outages if when in outage), when)


def duties_agree(played: Played, now: datetime) -> None:
    """Every duty of every branch and 党小组 in every period of the year, those that are over and the present ones."""
    differ = duties_differ(played.database, played.town, played.record, now, past_since=_NEW_YEAR)
    if differ:
        raise Disagreement(_some(differ))


def duties_agreed_on_the_way(played: Played) -> None:
    """The duties of the present periods, three times a month."""
    if played.differ:
        raise Disagreement(_some(played.differ))


def duty_reminders_agree(played: Played) -> None:
    """When who was reminded of which duties of which periods."""
    theirs = {(said.at, said.target): _owed(said.text) for said in played.said if said.text.startswith("📌")}
    ours = {(at, target): owed for at, target, owed in played.story.reminding.of_duties}
    same_values(ours, theirs)


def _owed(text: str) -> set[tuple[str, str]]:
    """``(month, 支委会)`` and the like, of a reminder."""
    found = set()
    for line in _OWED.finditer(text):
        for named in _KIND.finditer(line["kinds"]):
            groups = named["groups"].split("、") if named["groups"] else [""]
            found |= {(_EVERY[line["period"]], f"{group} {named['kind']}".strip()) for group in groups}
    return found


def lesson_reminders_agree(played: Played) -> None:
    """Which group was reminded of which meeting, the day before and half an hour before, and when."""
    theirs = []
    for said in played.said:
        if said.by_itself and (found := _REMINDER.search(said.text)):
            day = day_of(said.at) + (DAY if found["day"] == "明天" else 0 * DAY)
            theirs.append((said.target, said.at, f"{day} {found['hour']} {found['kind']}"))
    same_sets(played.story.reminding.of_lessons, theirs)
