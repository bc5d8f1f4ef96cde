"""恳谈会: a meeting at which appeals are taken in together, and are followed up as one list in private."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, or_, select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.messages import PAGE
from bot.posting import Address
from bot.understanding.categories import category_within
from bot.understanding.intent import APPEAL, Intent
from bot.wording import day_text
from handlers.cases import dispatchers, tell_reporter
from handlers.dispatching import dispatcher_card
from handlers.paging import goes_on, page_of
from handlers.people import find_person
from handlers.registering import reporter
from handlers.standing import owed_in_order, standing
from models.cases import FINISHED_STATES, OPEN_STATES, Case, CaseKind, collect
from models.lessons import APPEALS_HEARD, Lesson, LessonState
from models.organisations import Organisation
from models.people import Person

AFTERWARDS = timedelta(hours=2)
"""For how long after it appeals of its people still belong to a 恳谈会."""
RECORDED_WITHIN = timedelta(days=7)
"""For how long after it appeals can be put down for a 恳谈会."""
MOST = 30
"""Appeals in one message."""
UNNAMED = ("匿名", "群众")
"""Who is named so is nobody: the appeal has no reporter, and nobody is told how it ends."""
IN_PRIVATE = "诉求要私下记。请在这里发「记诉求 小李 充电柜太少」，一行一条也行；群里那条请撤回。"
HOW = "请写谁、什么事，一行一条，比如「记诉求 小李 充电柜太少」。不写名字的，姓名写「匿名」。"
NO_MEETING = "最近 7 天没有开过恳谈会。要开，请在支部群里发「开课 恳谈会」。"
NEVER_MET = "还没有开过恳谈会。要开，请在支部群里发「开课 恳谈会」。"
NOTHING_HEARD = "{meeting}还没有收到诉求。替人记，请发「记诉求 小李 充电柜太少」。"
TOO_MANY = f"一次最多记 {MOST} 条，请分几次发。"
RECORDED = "记下 {count} 条：{numbers}。报到过的，已经私下告诉本人。看全部发「恳谈会清单」。"
NOBODY = "名册里没有「{name}」，没报到的写「群众」"
SEVERAL = "名册里有不止一位「{name}」"
NOT_READ = "「{line}」没看懂，要写谁、什么事"
AGAIN = "{name}那条已经记过，是 {number}"
FOR_YOU = (
    "🔒 恳谈会上替你记下一条诉求，编号 {number}（{category}）：{text}\n"
    "群里看不到，经办单位不知道是你。补充发「补充 {number} …」，不要了发「撤回 {number}」，看进度发「进度 {number}」。"
)
_COMMAND = re.compile(r"^\W*记(?:一?[下条]|录)?诉求[\s:：,，]*")
_NEXT = re.compile(r"[;；]\s*(?=[\u4e00-\u9fff·]{1,8}[:：])")
"""Where another begins in the same line: 小李：充电柜太少；小张：没地方停车."""
_LINE = re.compile(r"^\s*(?:\d{1,2}\s*[.、)）]\s*|[-·•]\s*)?(?P<who>[\u4e00-\u9fff·]{1,8})[\s:：,，]+(?P<what>\S.*)$")


@dataclass(frozen=True, slots=True)
class _Line:
    who: str
    what: str


def meeting_now(context: Context, organisation: Organisation) -> int | None:
    """The id of the 恳谈会 at which an appeal to this organisation is made: it is open, or was until just now."""
    around = [org.id for org in (organisation, *context.batch.tree.above(organisation))]
    lately = and_(Lesson.state == LessonState.CLOSED, Lesson.closed_at >= context.said_at - AFTERWARDS)
    query = select(Lesson.id).where(
        Lesson.kind == APPEALS_HEARD,
        Lesson.organisation_id.in_(around),
        Lesson.opened_at <= context.said_at,
        or_(Lesson.state == LessonState.OPEN, lately),
    )
    return context.session.scalar(query.order_by(Lesson.opened_at.desc()).limit(1))


@handles("record_appeals", by=Who.SECRETARY)
def record(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """记诉求: the secretary puts down what was said at the 恳谈会, for those who said it; each of them is told."""
    if not context.private:
        return Privately(Text(IN_PRIVATE))
    meeting = _last_meeting(context)
    if meeting is None or meeting.opened_at is None or meeting.opened_at < context.now - RECORDED_WITHIN:
        return Privately(Text(NO_MEETING))
    lines = list(_lines(context.message.text))
    if not lines or len(lines) > MOST:
        return Privately(Text(TOO_MANY if lines else HOW))
    recorded, wrong = [], []
    for line in lines:
        found = _record(context, meeting, line) if isinstance(line, _Line) else NOT_READ.format(line=line)
        if isinstance(found, Case):
            recorded.append(found)
        else:
            wrong.append(found)
    return Privately(Text(_recorded(recorded, wrong)))


def _lines(text: str) -> Iterator[_Line | str]:
    """What each line says; a line that is none as it is."""
    for line in _NEXT.sub("\n", _COMMAND.sub("", text)).splitlines():
        if not line.strip():
            continue
        found = _LINE.match(line)
        yield _Line(found["who"], found["what"].strip()) if found else line.strip()


def _record(context: Context, meeting: Lesson, line: _Line) -> Case | str:
    """The registered appeal, or why it was not."""
    person = None
    if line.who not in UNNAMED:
        people = [found for found in find_person(context, line.who) if found.name == line.who]
        if len(people) != 1:
            return (SEVERAL if people else NOBODY).format(name=line.who)
        (person,) = people
    if before := _already(context, meeting, person, line.what):
        return AGAIN.format(name=line.who, number=before.number)
    case = collect(context.session, _case(context, meeting, person, line), reporter(context))
    said = FOR_YOU.format(number=case.number, category=case.category, text=case.text)
    if person is not None and person is not context.person:
        tell_reporter(context, case, Text(said))
    if context.person is None or context.person.organisation_id != case.organisation_id:
        context.tell_all(dispatchers(context, case), dispatcher_card(context, case, "🔒"))
    return case


def _already(context: Context, meeting: Lesson, person: Person | None, text: str) -> Case | None:
    """The same words of the same person at the same meeting: the list was sent twice."""
    reporter_id = person.id if person else None
    query = select(Case).where(Case.meeting_id == meeting.id, Case.reporter_id == reporter_id)
    return next((case for case in context.session.scalars(query) if case.text == text), None)


def _case(context: Context, meeting: Lesson, person: Person | None, line: _Line) -> Case:
    address = context.batch.posting.reach(person) if person else None
    address = address or Address(PAGE, "", str(person.id) if person else "")
    return Case(
        kind=CaseKind.APPEAL,
        category=category_within(APPEAL, line.what),
        place="",
        text=line.what,
        photos=[],
        organisation=person.organisation if person else meeting.organisation,
        anonymous=person is None,
        meeting_id=meeting.id,
        reporter=person,
        reporter_platform=address.platform,
        reporter_bot=address.bot,
        reporter_ref=address.ref,
        message_id=context.message_id,
    )


def _recorded(recorded: Sequence[Case], wrong: Sequence[str]) -> str:
    numbers = "、".join(str(case.number) for case in recorded)
    said = [RECORDED.format(count=len(recorded), numbers=numbers)] if recorded else []
    said += [f"没有记：{'；'.join(wrong)}"] if wrong else []
    return "\n".join(said)


@handles("meeting_appeals", by=Who.SECRETARY)
def meeting_appeals(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """恳谈会清单: the appeals of the last 恳谈会, for the secretary alone."""
    return meeting_appeals_page(context, 0)


@goes_on("meeting_appeals", privately=True)
def meeting_appeals_page(context: Context, page: int) -> Reply:
    """A page of it: what is late first, what is done last."""
    meeting = _last_meeting(context)
    if meeting is None or meeting.opened_at is None:
        return Privately(Text(NEVER_MET))
    title = f"{day_text(meeting.opened_at)}恳谈会"
    query = select(Case).where(Case.meeting_id == meeting.id).order_by(Case.number)
    cases = context.session.scalars(query).all()
    if not cases:
        return Privately(Text(NOTHING_HEARD.format(meeting=title)))
    owed = owed_in_order(context.session, [case for case in cases if case.state in OPEN_STATES], context.now)
    lines = [f"{each.case.number}（{each.case.category}）{standing(each)}" for each in owed]
    lines += [f"{case.number}（{case.category}）{case.state}" for case in cases if case.state not in OPEN_STATES]
    done = sum(case.state in FINISHED_STATES for case in cases)
    return Privately(page_of(f"{title}：诉求 {len(cases)} 件，办结 {done}/{len(cases)}", lines, page))


def _last_meeting(context: Context) -> Lesson | None:
    """The last 恳谈会 of the organisation that is spoken of, if the sender runs it."""
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return None
    query = select(Lesson).where(
        Lesson.organisation_id == organisation.id,
        Lesson.kind == APPEALS_HEARD,
        Lesson.state.in_((LessonState.OPEN, LessonState.CLOSED)),
    )
    return context.session.scalars(query.order_by(Lesson.opened_at.desc()).limit(1)).one_or_none()
