"""代报: somebody says that a colleague without signal is there; it counts once the secretary has confirmed it."""

from sqlalchemy import func, select

from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import hour_text
from handlers.checkin import NONE_OPEN, OpenLessons, count
from handlers.people import NOBODY, SEVERAL, approvers_of, find_person, leaders_of
from models.base import new_id
from models.lessons import CheckIn, CheckInWay, Decision, Lesson, RollEntry, Vouch
from models.people import Person

MOST = 2
"""Colleagues for whom one person may vouch at one lesson."""
SIGN_UP = "名"
WHOM = "请写替谁代报，比如「代报 小张 没信号」。"
NOT_EXPECTED = "{lesson}的应到名单里没有「{name}」。名字要写全；不在名单里的，到了请本人签到，算列席。"
YOURSELF = "自己到了，直接发「签到」就行。"
ENOUGH = "一次课最多替 {most} 个人代报。还有人到了的话，请书记看一眼现场。"
ALREADY = "{name} {hour} 已经签过了。"
ASKED_ALREADY = "{name} 已经有人代报了，等书记确认。"
NOT_BELIEVED = "{name} 的代报书记没有认，请让本人签到，或者直接跟书记说。"
NOBODY_CONFIRMS = "找不到能确认的人，请让 {name} 自己签到。"
ASKED = "已报给书记：{name} 到了{lesson}。书记确认了就算签到，我会告诉你。"
CONFIRMED = "已确认代报：{name}，{lesson}，按 {hour} 算签到。"
REFUSED = "没有认 {name} 的代报：{lesson}。"
CAME_ANYWAY = "{name} 自己已经签到了，不用代报。"
DONE = "{name} 的代报已经有人处理过了。"
NO_VOUCH = "{name} 没有等着确认的代报。"
WHOSE = "请写确认谁的代报，比如「确认代报 小张」。"
OWN = "自己报的、报自己的，都要由别人来确认，请另一位书记或组织委员来办。"
TELL_PERSON = "📍 {by} 替你代报了{lesson}，{decided} 确认了，按 {hour} 算你签到。不对的话，请马上告诉书记。"
TELL_YES = "{decided} 确认了 {name} 的代报：{lesson}。"
TELL_NO = "{decided} 没有认 {name} 的代报：{lesson}。请让本人签到。"


@handles("vouch", by=Who.MEMBER)
def vouch(context: Context, intent: Intent) -> Reply | None:
    """Asks the secretary to count a colleague who is there and cannot say so."""
    said = f"{intent.text('person')}{intent.text('text')}".replace(" ", "")
    if said.startswith(SIGN_UP) and not context.message.addressed:
        return None  # 代报名 is no 代报
    lesson = context.batch.shared(OpenLessons).meant(context)
    if lesson is None:
        return Privately(Text(NONE_OPEN))
    if not said:
        return Privately(Text(WHOM))
    person = _expected(context, lesson, said, intent.text("person"))
    if isinstance(person, str):
        return Privately(Text(person))
    leaders = _who_confirms(context, person)
    refusal = _may_not(context, lesson, person) or ("" if leaders else NOBODY_CONFIRMS.format(name=person.name))
    if refusal:
        return Privately(Text(refusal))
    record = Vouch(
        id=new_id(),
        lesson_id=lesson.id,
        person_id=person.id,
        by_id=context.member.id,
        at=min(context.message.sent_at, context.now),
        state=Decision.ASKED,
        message_id=context.message_id,
    )
    context.session.add(record)
    context.session.flush()
    why = said.removeprefix(person.name).strip("，,。.：: ")
    context.tell_all(leaders, _card(context, lesson, person, record, why))
    return Privately(Text(ASKED.format(name=person.name, lesson=lesson.title)))


def _expected(context: Context, lesson: Lesson, said: str, name: str) -> Person | str:
    """Whom of those expected at the lesson the words begin with, or whose name they are part of."""
    query = select(Person).join(RollEntry, RollEntry.person_id == Person.id).where(RollEntry.lesson_id == lesson.id)
    people = list(context.session.scalars(query.order_by(Person.id)))
    called = [person for person in people if said.startswith(person.name)]
    longest = max((len(person.name) for person in called), default=0)
    found = [p for p in called if len(p.name) == longest] or [p for p in people if name and name in p.name]
    if len(found) == 1:
        return found[0]
    return SEVERAL.format(name=name) if found else NOT_EXPECTED.format(lesson=lesson.title, name=name or said)


def _may_not(context: Context, lesson: Lesson, person: Person) -> str:
    """Why this cannot be asked; empty where it can."""
    if person is context.person:
        return YOURSELF
    came = _came_at(context, lesson, person)
    if came is not None:
        return ALREADY.format(name=person.name, hour=hour_text(came.at))
    before = context.session.scalars(
        select(Vouch).where(Vouch.lesson_id == lesson.id, Vouch.person_id == person.id)
    ).one_or_none()
    if before is not None:
        return (NOT_BELIEVED if before.state is Decision.REFUSED else ASKED_ALREADY).format(name=person.name)
    mine = select(func.count()).where(Vouch.lesson_id == lesson.id, Vouch.by_id == context.member.id)
    return ENOUGH.format(most=MOST) if (context.session.scalar(mine) or 0) >= MOST else ""


def _card(context: Context, lesson: Lesson, person: Person, record: Vouch, why: str) -> Card:
    """What the secretary is asked. Whether the one who says so is there is the best that is known."""
    by = context.member
    came = _came_at(context, lesson, by)
    there = f"{by.name} 本人 {hour_text(came.at)} 已签到" if came else f"{by.name} 本人还没签到"
    about = f"vouch:{record.id}"
    return Card(
        f"🙋 {by.name} 代报：{person.name} 到了{lesson.title}",
        text=f"原因：{why}\n{there}" if why else there,
        buttons=(
            Button("确认代报", f"确认代报 {person.name}", about, "primary"),
            Button("不认代报", f"不认代报 {person.name}", about),
        ),
        hint=f"确认请回复「确认代报 {person.name}」，不认请回复「不认代报 {person.name}」。",
    )


def _who_confirms(context: Context, person: Person) -> list[Person]:
    """Those asked on the person's behalf, but never the one who vouches."""
    asked = [leader for leader in leaders_of(context, person) if leader is not context.person]
    return asked or [leader for leader in approvers_of(context, person) if leader is not context.person][:1]


def _came_at(context: Context, lesson: Lesson, person: Person) -> CheckIn | None:
    query = select(CheckIn).where(CheckIn.lesson_id == lesson.id, CheckIn.person_id == person.id)
    return context.session.scalars(query).one_or_none()


@handles("confirm_vouch", by=Who.SECRETARY)
def confirm_vouch(context: Context, intent: Intent) -> Reply:
    """Counts the colleague, at the time at which it was said."""
    record = _decided(context, intent, Decision.APPROVED)
    if isinstance(record, str):
        return Privately(Text(record))
    lesson, person, by = _of(context, record)
    if _came_at(context, lesson, person) is not None:
        return Privately(Text(CAME_ANYWAY.format(name=person.name)))
    check_in = CheckIn(
        lesson_id=lesson.id,
        person_id=person.id,
        at=record.at,
        way=CheckInWay.VOUCHED,
        late=lesson.is_late(record.at),
        message_id=record.message_id,
    )
    count(context, lesson, person, check_in)
    hour, decided = hour_text(record.at), _decided_by(context)
    context.tell(person, Text(TELL_PERSON.format(by=by.name, lesson=lesson.title, decided=decided, hour=hour)))
    context.tell(by, Text(TELL_YES.format(decided=decided, name=person.name, lesson=lesson.title)))
    return Privately(Text(CONFIRMED.format(name=person.name, lesson=lesson.title, hour=hour)))


@handles("refuse_vouch", by=Who.SECRETARY)
def refuse_vouch(context: Context, intent: Intent) -> Reply:
    """The colleague is not counted; only who has vouched hears of it."""
    record = _decided(context, intent, Decision.REFUSED)
    if isinstance(record, str):
        return Privately(Text(record))
    lesson, person, by = _of(context, record)
    context.tell(by, Text(TELL_NO.format(decided=_decided_by(context), name=person.name, lesson=lesson.title)))
    return Privately(Text(REFUSED.format(name=person.name, lesson=lesson.title)))


def _decided(context: Context, intent: Intent, decision: Decision) -> Vouch | str:
    """The 代报 that is meant, decided; or what to say where the sender may decide none."""
    record = _meant(context, intent.text("person"))
    if isinstance(record, Vouch):
        record.state = decision
        record.decided_by = context.person.id if context.person else None
        record.decided_at = context.now
    return record


def _of(context: Context, record: Vouch) -> tuple[Lesson, Person, Person]:
    """The lesson, the colleague, and who has vouched."""
    session = context.session
    by = session.get_one(Person, record.by_id)
    return session.get_one(Lesson, record.lesson_id), session.get_one(Person, record.person_id), by


def _decided_by(context: Context) -> str:
    return context.person.name if context.person else "管理员"


def _meant(context: Context, name: str) -> Vouch | str:
    """The card's, or the latest that waits for this person; or what to say where the sender may decide none.

    Its row is locked: of two who decide at once, the second finds it decided.
    """
    named = context.message.about.removeprefix("vouch:")
    if named.isdecimal():
        record = context.session.get(Vouch, int(named), with_for_update=True)
        person = context.session.get(Person, record.person_id) if record else None
        if record is None or person is None or not context.runs(person.organisation):
            return WHOSE
        return _decidable(context, record, person)
    if not name:
        return WHOSE
    found = [person for person in find_person(context, name) if context.runs(person.organisation)]
    if len(found) != 1:
        return (SEVERAL if found else NOBODY).format(name=name)
    waiting = select(Vouch).where(Vouch.person_id == found[0].id, Vouch.state == Decision.ASKED)
    latest = context.session.scalars(waiting.order_by(Vouch.at.desc()).limit(1).with_for_update()).one_or_none()
    return _decidable(context, latest, found[0]) if latest else NO_VOUCH.format(name=found[0].name)


def _decidable(context: Context, record: Vouch, person: Person) -> Vouch | str:
    if record.state is not Decision.ASKED:
        return DONE.format(name=person.name)
    if context.person is not None and context.person.id in (record.by_id, record.person_id):
        return OWN
    return record
