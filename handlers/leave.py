"""Leave (请假): asked for before or during a lesson, decided by the secretary. Nobody else ever sees the reason."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.clock import local
from bot.content import Button, Card, Field, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import day_text, moment_text
from handlers.branch import NOT_OPENED, lesson_of_button
from handlers.lesson_words import named, said_time, when
from handlers.people import NOBODY, SEVERAL, find_person, leaders_of
from models.base import new_id
from models.lessons import CheckIn, Coming, Decision, Leave, Lesson, LessonState, is_for, kind_named, kind_within
from models.organisations import Organisation, OrganisationKind
from models.people import Person, people_below

OWN_LEAVE = "自己的假要由别人来准，请另一位书记或组织委员来发。"
NO_LESSON = "最近没有安排的课，不用请假。"
NOT_PLANNED = "{day}没有安排{kind}，安排了再请假。想知道下次什么时候上课，发「什么时候上课」。"
ENDED = "这一次已经结束了，请直接跟书记说。"
CANCELLED = "这次课取消了，不用请假。"
WHOSE = "请写准谁的假，比如「准假 小李」。"
WHOSE_NOT = "请写谁的假、为什么，比如「不准假 小李 这次要投票」。"
WHY_NOT = "请带上理由，让人心里有数，比如「不准假 {name} 这次要投票」。"
NOT_ON_LEAVE = "你现在没有请假，到时候来签到就行。"
BACK = "{name} 能来了，准过的假已经撤掉：{lesson}{day}。"
WITHDRAWN = "这个假本人已经撤了，不用再批。"
NOT_YOURS = "{name} 的假由他的书记来批。"
NO_REASON = "没有写明"
_ASKING = re.compile(r"^[\s,，]*我?(?:想|要|得)?(?:请个?假|告假|来不了|去不了|参加不了)了?")
_EDGES = " ,，。:：、的"
AHEAD = timedelta(days=7)
"""How far ahead leave is taken to be for the next lesson."""
FAR_AHEAD = timedelta(days=60)
"""How far ahead leave can be asked for from a lesson whose day is said."""
DECIDED = {
    Decision.APPROVED: "{name} 这个假已经准过了。要改，请先跟本人说好，让他来签到。",
    Decision.REFUSED: "{name} 这个假已经回过了，没有准。",
}
TWICE = 2
"""How often leave from one lesson can be asked for."""


@handles("leave_request", by=Who.MEMBER)
def leave_request(context: Context, intent: Intent) -> Reply:
    """Asks the secretary for leave from the lesson that is meant: the open one, else the next within a week."""
    person = context.member
    lesson = _lesson_to_miss(context, person)
    if isinstance(lesson, Text):
        return Privately(lesson)
    if _checked_in(context, lesson, person):
        return Privately(Text(f"{lesson.title}，你已经签到了，不用请假。"))
    reason = reason_in(intent.text("text"), context.said_at)
    leave = leave_of(context, lesson, person)
    if leave is None:
        leave = Leave(id=new_id(), lesson_id=lesson.id, person_id=person.id, times=1)
        context.session.add(leave)
    elif (again := _again(lesson, leave, reason)) is not None:
        return Privately(again)
    leave.reason = reason or NO_REASON
    leave.state, leave.asked_at, leave.message_id = Decision.ASKED, context.now, context.message_id
    _forget_coming(context, lesson, person)
    deciders = leaders_of(context, person, _decides(context, lesson, person))
    asked = context.tell_all(deciders, _leave_card(lesson, person, leave))
    told = (
        f"已替你向书记请假：{lesson.title}{_day(lesson)}，事由：{leave.reason}。"
        if asked
        else (f"记下了：{lesson.title}{_day(lesson)} 请假，事由：{leave.reason}。书记还没有报到，请当面说一声。")
    )
    more = "" if reason else "想写上原因，再发一次「请假 原因」。"
    return Privately(Text(f"{told}{more}{'同意了我告诉你。' if asked else ''}"))


def reason_in(text: str, now: datetime) -> str:
    """The reason without the lesson that is named before it: 后天的微课堂请假，去体检 is 去体检."""
    found, kind = said_time(text, now), kind_within(text)
    start = found.end if found is not None and found.start == 0 else 0
    behind = text[start:].lstrip(_EDGES)
    if not kind or not behind.startswith(kind):
        return text
    return _ASKING.sub("", behind.removeprefix(kind)).strip(_EDGES)


def _again(lesson: Lesson, leave: Leave, reason: str) -> Text | None:
    """What to say to who has asked before; None where it is asked for anew, or its reason is given now."""
    if leave.state is Decision.APPROVED:
        return Text(f"{lesson.title}，你已经请过假了，书记准了。")
    if leave.state is Decision.ASKED:
        if reason and leave.reason == NO_REASON:
            return None
        return Text(f"{lesson.title}，你已经请过假了，等书记回话。")
    if leave.times >= TWICE:
        return Text(f"{lesson.title}的假请过两次都没有准，请直接跟书记说。")
    leave.times += 1
    return None


def _leave_card(lesson: Lesson, person: Person, leave: Leave) -> Card:
    approves, refuses, about = f"准假 {person.name}", f"不准假 {person.name}", f"leave:{leave.id}"
    at = when(lesson)
    again = f"（第 {leave.times} 次请，上次不准：{leave.refused_why}）" if leave.refused_why else ""
    return Card(
        title=f"✋ {person.name} 请假：{lesson.title}",
        text=f"事由：{leave.reason}{again}",
        fields=(Field("时间", moment_text(at)),) if at else (),
        buttons=(Button("准假", approves, about, "primary"),),
        form=Form("不准的理由", Button("不准假", refuses, about, "danger")),
        hint=f"同意请回复「{approves}」，不同意回复「{refuses} 理由」。",
    )


def _lesson_to_miss(context: Context, person: Person) -> Lesson | Text:
    """The lesson of the button, or the one that is meant; or what to say where there is none."""
    if context.message.about.startswith("lesson:"):
        return _lesson_of_button(context, person)
    text, lessons = context.message.text, _lessons_ahead(context, person)
    if kind := kind_named(kind_within(text)):
        lessons = [lesson for lesson in lessons if lesson.kind == kind]
    found = said_time(text, context.said_at)
    if found is not None and found.day:
        day = local(found.moment).date()
        that_day = [one for one in lessons if (at := when(one)) is not None and local(at).date() == day]
        if that_day or kind:
            return named(that_day, text, context.said_at)[0] if that_day else Text(_not_planned(kind, found.moment))
    if kind:
        return lessons[0] if lessons else Text(_not_planned(kind))
    soon = [one for one in lessons if one.planned_at is None or one.planned_at <= context.now + AHEAD]
    return named(soon, text, context.said_at)[0] if soon else Text(NO_LESSON)


def _not_planned(kind: str, day: datetime | None = None) -> str:
    return NOT_PLANNED.format(day=day_text(day) if day else "", kind=kind)


def _lessons_ahead(context: Context, person: Person) -> list[Lesson]:
    """The open lessons and those planned that the person is to come to, in this order."""
    around = (person.organisation, *context.batch.tree.above(person.organisation))
    earliest, latest = context.said_at - NOT_OPENED, context.now + FAR_AHEAD
    query = (
        select(Lesson)
        .where(
            Lesson.organisation_id.in_([organisation.id for organisation in around]),
            Lesson.at_sites.is_(False),
            ((Lesson.state == LessonState.OPEN) & (Lesson.closes_at > context.said_at))
            | ((Lesson.state == LessonState.PLANNED) & Lesson.planned_at.between(earliest, latest)),
        )
        .order_by(Lesson.opened_at.is_(None), Lesson.planned_at, Lesson.id)
    )
    return [lesson for lesson in context.session.scalars(query) if is_for(lesson, person)]


def _lesson_of_button(context: Context, person: Person) -> Lesson | Text:
    lesson = lesson_of_button(context)
    if lesson is None or not lesson.organisation.covers(person.organisation) or not is_for(lesson, person):
        return Text(NO_LESSON)
    match lesson.state:
        case LessonState.CLOSED:
            return Text(ENDED)
        case LessonState.CANCELLED:
            return Text(CANCELLED)
        case _:
            return lesson


def leave_of(context: Context, lesson: Lesson, person: Person) -> Leave | None:
    """The leave that the person has asked for."""
    query = select(Leave).where(Leave.lesson_id == lesson.id, Leave.person_id == person.id)
    return context.session.scalars(query).one_or_none()


def _checked_in(context: Context, lesson: Lesson, person: Person) -> bool:
    query = select(CheckIn.id).where(CheckIn.lesson_id == lesson.id, CheckIn.person_id == person.id)
    return context.session.scalar(query) is not None


def _forget_coming(context: Context, lesson: Lesson, person: Person) -> None:
    query = select(Coming).where(Coming.lesson_id == lesson.id, Coming.person_id == person.id)
    for coming in context.session.scalars(query):
        context.session.delete(coming)


def _decides(context: Context, lesson: Lesson, person: Person) -> Organisation:
    """Whose secretary decides: the person's own; a 党小组 leader about meetings of the 党小组 alone."""
    own = (person.organisation, *context.batch.tree.above(person.organisation))
    return next((o for o in own if o.kind is not OrganisationKind.GROUP or o.id == lesson.organisation_id), own[-1])


@handles("approve_leave", by=Who.SECRETARY)
def approve_leave(context: Context, intent: Intent) -> Reply:
    """Approves the leave of the card, or the latest that somebody has asked for; also one that was refused."""
    leave = _leave_meant(context, intent.text("person"), WHOSE, Decision.ASKED, Decision.REFUSED)
    if isinstance(leave, Text):
        return Privately(leave)
    if leave.state is Decision.APPROVED:
        return Privately(Text("这个假已经准过了。"))
    person, lesson = _of(context, leave)
    _decide(context, leave, Decision.APPROVED)
    context.tell(person, Text(f"准假了：{lesson.title}{_day(lesson)}。落下的内容，课后私下发我「补课」补上。"))
    return Text(f"已准假：{person.name}，{lesson.title}")


@handles("refuse_leave", by=Who.SECRETARY)
def refuse_leave(context: Context, intent: Intent) -> Reply | None:
    """Refuses the leave of the card, or the latest that somebody has asked for. The group does not hear of it."""
    words = f"{intent.text('person')} {intent.text('text')}".strip()
    if words and not context.message.addressed and not _people_named(context, words):
        return None  # 老板不准假: somebody else's leave
    leave = _leave_meant(context, words, WHOSE_NOT, Decision.ASKED)
    if isinstance(leave, Text):
        return Privately(leave)
    person, lesson = _of(context, leave)
    if leave.state is not Decision.ASKED:
        return Privately(Text(DECIDED[leave.state].format(name=person.name)))
    reason = _behind(person.name, words)
    if not reason:
        return Privately(Text(WHY_NOT.format(name=person.name)))
    _decide(context, leave, Decision.REFUSED)
    leave.refused_why = reason
    then = "还有难处，可以再请一次：「请假 原因」。" if leave.times < TWICE else "还有难处，请直接跟书记说。"
    context.tell(person, Text(f"这次的假书记没有准：{lesson.title}{_day(lesson)}，理由：{reason}。{then}"))
    return Privately(Text(f"没有准假：{person.name}，{lesson.title}。理由已经告诉本人。"))


@handles("withdraw_leave", by=Who.MEMBER)
def withdraw(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """The sender comes after all (销假)."""
    query = (
        select(Lesson)
        .join(Leave, Leave.lesson_id == Lesson.id)
        .where(
            Leave.person_id == context.member.id,
            Leave.state != Decision.REFUSED,
            Lesson.state.in_([LessonState.PLANNED, LessonState.OPEN]),
        )
        .order_by(Lesson.opened_at.is_(None), Lesson.planned_at)
    )
    lessons = named(list(context.session.scalars(query)), context.message.text, context.said_at)
    if not lessons:
        return Privately(Text(NOT_ON_LEAVE)) if context.message.addressed else None
    withdraw_leave(context, lessons[0], context.member)
    return Privately(Text(f"{lessons[0].title}{_day(lessons[0])}的假销了，到时候来签到。"))


def withdraw_leave(context: Context, lesson: Lesson, person: Person) -> bool:
    """Takes back the leave of who comes after all; who has approved it hears so. False where there is none."""
    leave = leave_of(context, lesson, person)
    if leave is None or leave.state is Decision.REFUSED:
        return False
    if leave.state is Decision.APPROVED:
        told = Text(BACK.format(name=person.name, lesson=lesson.title, day=_day(lesson)))
        context.tell_all(leaders_of(context, person, _decides(context, lesson, person)), told)
    context.session.delete(leave)
    return True


def leave_list(context: Context, lessons: Sequence[Lesson]) -> Text:
    """Who is on leave from these lessons, and who has asked; with the reasons only for the secretary in private."""
    query = (
        select(Leave, Person)
        .join(Person, Person.id == Leave.person_id)
        .where(Leave.lesson_id.in_([lesson.id for lesson in lessons]), Leave.state != Decision.REFUSED)
        .order_by(Leave.asked_at, Leave.id)
    )
    asked: defaultdict[int, list[tuple[Leave, Person]]] = defaultdict(list)
    for leave, person in context.session.execute(query):
        asked[leave.lesson_id].append((leave, person))
    lines = [_leave_line(context, lesson, asked[lesson.id]) for lesson in lessons if asked[lesson.id]]
    return Text("\n".join(lines) or f"{lessons[0].title}没有人请假。")


def _leave_line(context: Context, lesson: Lesson, rows: Sequence[tuple[Leave, Person]]) -> str:
    told = context.private and context.runs(lesson.organisation)
    parts = []
    for state, label in ((Decision.APPROVED, "准了"), (Decision.ASKED, "等着批")):
        people = [f"{p.name}（{leave.reason}）" if told else p.name for leave, p in rows if leave.state is state]
        if people:
            parts.append(f"{label} {len(people)} 人：{'、'.join(people)}")
    return f"{lesson.title}请假，{'；'.join(parts)}"


def _day(lesson: Lesson) -> str:
    """The day, for those who have more than one such lesson a week."""
    at = when(lesson)
    return f"（{day_text(at)[:-1]}）".replace("（周", " 周") if at else ""


def _decide(context: Context, leave: Leave, decision: Decision) -> None:
    leave.state = decision
    leave.decided_by = context.person.id if context.person else None
    leave.decided_at = context.now


def _of(context: Context, leave: Leave) -> tuple[Person, Lesson]:
    return context.session.get_one(Person, leave.person_id), context.session.get_one(Lesson, leave.lesson_id)


def _leave_meant(context: Context, words: str, how: str, *states: Decision) -> Leave | Text:
    """The leave of the card, or the latest in one of the states of whose name the words begin with.

    A text says what to do where the sender can decide none; ``how`` is the one for no words at all.
    """
    kind, _, number = context.message.about.partition(":")
    if kind == "leave" and number.isdecimal():
        return _leave_of_card(context, int(number))
    if not words:
        return Text(how)
    found = [person for person in _people_named(context, words) if context.runs(person.organisation)]
    if context.person in found:
        return Text(OWN_LEAVE)
    if len(found) != 1:
        return Text((SEVERAL if found else NOBODY).format(name=words.split()[0]))
    query = (
        select(Leave)
        .join(Lesson, Lesson.id == Leave.lesson_id)
        .where(Leave.person_id == found[0].id, Leave.state.in_(states), Lesson.state != LessonState.CANCELLED)
        .order_by(Leave.state != Decision.ASKED, Leave.asked_at.desc())
    )
    waiting = [leave for leave in context.session.scalars(query) if _may_decide(context, leave)]
    return waiting[0] if waiting else Text(f"{found[0].name} 没有等着批的假。")


def _leave_of_card(context: Context, number: int) -> Leave | Text:
    """The leave of an old card is that one alone: by now it may be taken back, and another one asked for."""
    leave = context.session.get(Leave, number)
    if leave is None:
        return Text(WITHDRAWN)
    person, lesson = _of(context, leave)
    if person is context.person:
        return Text(OWN_LEAVE)
    if not _may_decide(context, leave):
        return Text(NOT_YOURS.format(name=person.name))
    return Text(CANCELLED) if lesson.state is LessonState.CANCELLED else leave


def _people_named(context: Context, words: str) -> list[Person]:
    """Whose whole name the words begin with, the longest such name; failing that, whose name the first word is in."""
    organisation = context.organisation
    people = people_below(context.session, organisation) if organisation else []
    begun = [person for person in people if words.replace(" ", "").startswith(person.name)]
    longest = max((len(person.name) for person in begun), default=0)
    return [person for person in begun if len(person.name) == longest] or find_person(context, words.split()[0])


def _behind(name: str, words: str) -> str:
    """What was said after the name."""
    _, _, said = words.partition(" ")
    rest = words.removeprefix(name) if words.startswith(name) else said
    if not words.startswith(name) and words.replace(" ", "").startswith(name):
        rest = words.replace(" ", "").removeprefix(name)
    return rest.strip(" ,.，。:：;；")


def _may_decide(context: Context, leave: Leave) -> bool:
    person, lesson = _of(context, leave)
    return person is not context.person and context.runs(_decides(context, lesson, person))
