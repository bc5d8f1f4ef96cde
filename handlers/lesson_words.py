"""Which lesson somebody means: by its kind, its day and hour, or its topic, as far as that was said."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.clock import local
from bot.understanding.normalise import normalise
from bot.understanding.times import Found, spoken_times
from models.lessons import Lesson, kind_named, kind_within


def said_time(text: str, now: datetime) -> Found | None:
    """The first time that a text names; where it stands is told for a text that is normalised already."""
    return spoken_times().find(normalise(text).folded, now)


def named(lessons: Sequence[Lesson], text: str, now: datetime) -> list[Lesson]:
    """The lessons that a text speaks of, in their order; all of them where it fits none.

    People say more than what tells a lesson apart (今晚要跑单), so what fits no lesson is about something else.
    """
    found = list(lessons)
    for fits in _tests(text, now):
        found = [lesson for lesson in found if fits(lesson)] or found
    return found


def is_at(lesson: Lesson, found: Found) -> bool:
    """Whether the lesson is on the day and at the hour that were said, as far as they were; 今晚 is any such hour."""
    return (not found.day or _on_day(lesson, found.moment)) and (not found.exact or _at_hour(lesson, found.moment))


def when(lesson: Lesson) -> datetime | None:
    """The time by which people know a lesson: when it was to begin, else when it began."""
    return lesson.planned_at or lesson.opened_at


def _tests(text: str, now: datetime) -> list[Callable[[Lesson], bool]]:
    tests: list[Callable[[Lesson], bool]] = [lambda lesson: bool(lesson.topic) and lesson.topic in text]
    kind = kind_named(kind_within(text))
    if kind:
        tests.append(lambda lesson: lesson.kind == kind)
    found = said_time(text, now)
    if found is not None and found.day:
        tests.append(lambda lesson: _on_day(lesson, found.moment))
    if found is not None and found.hour:  # at that hour of another day than the one said is another lesson
        tests.append(lambda lesson: _at_hour(lesson, found.moment) and (not found.day or _on_day(lesson, found.moment)))
    return tests


def _on_day(lesson: Lesson, moment: datetime) -> bool:
    at = when(lesson)
    return at is not None and local(at).date() == local(moment).date()


def _at_hour(lesson: Lesson, moment: datetime) -> bool:
    at = when(lesson)
    return at is not None and local(at).time() == local(moment).time()
