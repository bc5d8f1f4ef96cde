"""流动党员: where they come from, that they leave, their yearly report to the home organisation, and their list."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from bot.clock import local
from bot.content import Button, Card, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.mobile_fields import Inflow, find_date, read_inflow, split_phone
from handlers.people import NOBODY, SEVERAL, find_person, leaders_of
from models.movements import Direction, HomeReport, Movement, arrivals, last_activities, last_reports
from models.people import Person, Status, people_below, people_gone

HOW_TO_COME = (
    "请写流出地党组织、联系人和手机、从哪年哪月起，比如「流入 甘肃定西河口村党支部 联系人 老王 手机号 2026年3月」。"
)
WHICH_HOME = "请写全流出地党组织的名称，比如「甘肃定西河口村党支部」。"
STILL_MISSING = "还缺{what}，补一句就行。"
LATER = "日期不能在今天以后，请改一下再发一遍。"
NOT_IN_GROUPS = "手机号别发在群里，请把刚才那条撤回。"
YEARLY = "每年要向流出地党组织汇报一次，汇报过了发「已向流出地汇报」。"
NOT_MOBILE = "名册里{name}不是流动党员。是的话，先发「流入 流出地党支部 联系人 手机 从哪年哪月起」。"
ALREADY_GONE = "{name} 已经在 {day} 离开了。"
NONE_MOBILE = "{organisation}没有登记流动党员。有的话，请本人私下发「流入」，或者您发「流入 姓名 流出地党支部」。"
NOT_YOURS = "别人的去留由书记来登记。"
LISTED = 30
"""People in one list; more are read in the exported roster."""


@handles("inflow", by=Who.MEMBER)
def inflow(context: Context, intent: Intent) -> Reply | None:
    """Registers where a 流动党员 comes from: by that person, or by the secretary for somebody. Always in private.

    In a group 流入 is said of other things too.
    """
    said = read_inflow(context.message.text, _today(context))
    if intent.text("text") and not (said.home or said.contact or said.since or context.message.addressed):
        return None
    person = _who_comes(context, said)
    if isinstance(person, Text):
        return Privately(person)
    if said.home and said.person not in ("", person.name):
        said = replace(said, home=said.person + said.home)  # it was no name: 定西 河口村党支部
    if said.since is not None and said.since > _today(context):
        return Privately(Text(LATER))
    arrival = arrivals(context.session, [person.id]).get(person.id)
    home = said.home or (arrival.home if arrival else "") or person.home_organisation
    if not home or not (said.home or said.contact or said.since):
        return Privately(_ask_for_home(context, person, said))
    new = arrival is None or arrival.home != home or person.left_on is not None or not person.mobile
    if new or arrival is None:
        arrival = _arrive(context, person, home, said)
    else:
        arrival.contact = said.contact or arrival.contact
        arrival.on = said.since or arrival.on
    told = _registered(person, arrival)
    _tell_the_others(context, person, told)
    return Privately(_registration(context, person, arrival, said, told, first=new))


def _who_comes(context: Context, said: Inflow) -> Person | Text:
    """The sender, or whom a secretary names: a secretary who names nobody known does not speak of himself."""
    sender = context.member
    if said.person in ("", sender.name):
        return sender
    if context.runs(sender.organisation):
        return _named(context, said.person)
    colleagues = {person.name for person in people_below(context.session, sender.organisation)}
    return Text(NOT_YOURS) if said.person in colleagues else sender


def _named(context: Context, name: str) -> Person | Text:
    found = [person for person in find_person(context, name) if context.runs(person.organisation)]
    found = found or [person for person in _gone(context) if person.name == name]
    return found[0] if len(found) == 1 else Text((SEVERAL if found else NOBODY).format(name=name))


def _gone(context: Context) -> list[Person]:
    """Those who have left what the sender runs: they may come back."""
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return []
    return people_gone(context.session, organisation)


def _ask_for_home(context: Context, person: Person, said: Inflow) -> Card:
    """What was said already is in the form: only the home has to be added."""
    known = " ".join(part for part in (_name_for(context, person), said.contact, _day_said(said.since)) if part)
    return Card(
        "流动党员登记：从哪里来的？",
        form=Form("流出地党组织的全名", Button("登记", f"流入 {known}".strip())),
        hint=WHICH_HOME if known else HOW_TO_COME,
    )


def _name_for(context: Context, person: Person) -> str:
    return "" if person is context.person else person.name


def _day_said(day: date | None) -> str:
    return day.isoformat() if day else ""


def _arrive(context: Context, person: Person, home: str, said: Inflow) -> Movement:
    arrival = Movement(
        person_id=person.id,
        organisation_id=person.organisation_id,
        direction=Direction.IN,
        on=said.since or _today(context),
        home=home,
        contact=said.contact,
        recorded_at=context.now,
        message_id=context.message_id,
    )
    context.session.add(arrival)
    person.mobile, person.home_organisation, person.left_on = True, home, None
    person.settle_vote()
    context.audit("inflow", f"person:{person.id}")
    return arrival


def _registered(person: Person, arrival: Movement) -> str:
    contact = f"，联系人 {arrival.contact}" if arrival.contact else ""
    return f"{person.name}，流出地 {arrival.home}{contact}，{_since(arrival.on)}"


def _registration(
    context: Context, person: Person, arrival: Movement, said: Inflow, told: str, *, first: bool
) -> Text | Card:
    """What is still missing is asked for once, with the first statement."""
    warning = NOT_IN_GROUPS if context.chat is not None and any(map(str.isdecimal, said.contact)) else ""
    missing = [] if arrival.contact else ["联系人和手机"]
    missing += [] if said.since else ["从哪年哪月起（先按今天记了）"]
    text = "\n".join(line for line in (YEARLY, warning) if line)
    if not (first and missing):
        return Text(f"登记好了：{told}。\n{text}")
    add = " ".join(part for part in ("流入", _name_for(context, person)) if part)
    return Card(
        f"登记好了：{told}。",
        f"{STILL_MISSING.format(what='、'.join(missing))}\n{text}",
        form=Form("、".join(missing), Button("补上", add)),
        hint=f"比如「{add} 联系人 老王 手机号 2026年3月」。",
    )


def _tell_the_others(context: Context, person: Person, told: str) -> None:
    """The secretary hears of a member who comes, and the member of a secretary who registers it."""
    if person is not context.person:
        context.tell(person, Text(f"书记给你登记了流动党员：{told}。不对的话请找书记改。\n{YEARLY}"))
    elsewhere = person.status is Status.FULL and not person.vote_here
    votes = "表决权按流出地算，这里开会不计入有表决权的人数。" if elsewhere else ""
    leaders = (leader for leader in leaders_of(context, person) if leader is not context.person)
    context.tell_all(leaders, Text(f"🧳 流动党员登记：{told}。{votes}"))


@handles("outflow", by=Who.MEMBER)
def outflow(context: Context, intent: Intent) -> Reply:
    """Asks whether somebody, or the sender, is really to leave. Nothing is recorded before that is confirmed."""
    name = intent.text("person")
    person = _leaving(context, name)
    if isinstance(person, Text):
        return Privately(person)
    if person.left_on is not None:
        return Privately(Text(ALREADY_GONE.format(name=person.name, day=_day(person.left_on))))
    where = _where(intent.text("text"))
    says = " ".join(part for part in ("确认离开", person.name, where) if part)
    return Privately(
        Card(
            f"{person.name} 要离开{person.organisation.name}？",
            f"{f'去向：{where}。' if where else ''}确认以后，应到和名单里不再算；以前的记录都在。",
            buttons=(Button("确认离开", says, f"person:{person.id}", "danger"),),
            hint=f"确认请回复「{says}」；点错了不用管。",
        )
    )


def _leaving(context: Context, name: str) -> Person | Text:
    sender = context.member
    if name in ("", sender.name):
        return sender
    return _named(context, name) if context.runs(sender.organisation) else Text(NOT_YOURS)


def _where(text: str) -> str:
    return text.strip(" ，,。：:；;").removeprefix("转").removeprefix("去").removeprefix("到").strip()[:40]


@handles("confirm_outflow", by=Who.MEMBER)
def confirm_outflow(context: Context, intent: Intent) -> Reply:
    """Has somebody leave: from today on the person is expected nowhere and counted nowhere."""
    about = context.message.about.removeprefix("person:")
    if context.message.about.startswith("person:") and about.isdecimal():
        person: Person | Text = context.session.get(Person, int(about)) or Text(NOT_YOURS)
    else:
        person = _leaving(context, intent.text("person"))
    if isinstance(person, Text):
        return Privately(person)
    if person is not context.person and not context.runs(person.organisation):
        return Privately(Text(NOT_YOURS))
    context.session.refresh(person, ["left_on"], with_for_update=True)  # two may confirm it at the same time
    if person.left_on is not None:
        return Privately(Text(ALREADY_GONE.format(name=person.name, day=_day(person.left_on))))
    return Privately(_leave(context, person, _where(context.message.text.partition(person.name)[2])))


def _leave(context: Context, person: Person, where: str) -> Text:
    told = leaders_of(context, person)
    phone, place = split_phone(where)
    person.left_on = _today(context)
    context.session.add(
        Movement(
            person_id=person.id,
            organisation_id=person.organisation_id,
            direction=Direction.OUT,
            on=person.left_on,
            home=place,
            contact=phone,
            recorded_at=context.now,
            message_id=context.message_id,
        )
    )
    context.audit("outflow", f"person:{person.id}")
    said = f"{person.name} 离开了{person.organisation.name}{f'，去向 {where}' if where else ''}"
    context.tell_all(
        (leader for leader in told if leader is not context.person), Text(f"🧳 {said}。以后开会不算应到。")
    )
    if person is not context.person:
        context.tell(
            person, Text(f"书记登记你离开了{person.organisation.name}。不对的话请找书记；回来了发「流入」就行。")
        )
    return Text(f"{said}。记录都在，回来了发「流入」就行。")


@handles("home_report", by=Who.MEMBER)
def home_report(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Keeps that a 流动党员, the sender or whom a secretary names first, has reported to the home organisation."""
    person = _who_reports(context)
    if not person.mobile:
        return Privately(Text(NOT_MOBILE.format(name="你" if person is context.person else person.name)))
    today = _today(context)
    on = find_date(context.message.text, today) or today
    if on > today:
        return Privately(Text(LATER))
    if last_reports(context.session, [person.id]).get(person.id) == on:
        return Privately(Text(f"{_day(on)}的汇报已经记过了。"))
    report = HomeReport(person_id=person.id, on=on, recorded_at=context.now, message_id=context.message_id)
    context.session.add(report)
    home = f"（{person.home_organisation}）" if person.home_organisation else ""
    return Privately(Text(f"记下了：{person.name} {_day(on)}向流出地{home}汇报。"))


def _who_reports(context: Context) -> Person:
    sender = context.member
    if not context.runs(sender.organisation):
        return sender
    people = people_below(context.session, sender.organisation)
    named = [person for person in people if context.message.text.strip().startswith(person.name)]
    return max(named, key=lambda person: len(person.name), default=sender)


@handles("mobile_members", by=Who.SECRETARY)
def mobile_members(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The 流动党员 of the organisation, for its secretary alone: how many, and each with what is known."""
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return Privately(Text("流动党员的名单只给本支部的书记看。"))
    people = people_below(context.session, organisation)
    mobile = [person for person in people if person.mobile]
    if not mobile:
        return Privately(Text(NONE_MOBILE.format(organisation=organisation.name)))
    lines = [
        f"{organisation.name}：流动党员 {len(mobile)} 人（共 {len(people)} 人）",
        f"{_counted(str(p.status) for p in mobile)}；{_counted(str(p.occupation) for p in mobile)}",
        *_details(context, mobile[:LISTED]),
    ]
    if len(mobile) > LISTED:
        lines.append(f"还有 {len(mobile) - LISTED} 人，请发「导出 名册」。")
    return Privately(Text("\n".join(lines)))


def _details(context: Context, people: list[Person]) -> Iterable[str]:
    ids = [person.id for person in people]
    came, active = arrivals(context.session, ids), last_activities(context.session, ids)
    reported, year = last_reports(context.session, ids), _today(context).year
    for person in people:
        arrival, report = came.get(person.id), reported.get(person.id)
        known = [person.home_organisation or "流出地没有登记"]
        known += [_since(arrival.on)] if arrival else []
        known += [f"最近参加 {_day(_date(active[person.id]))}" if person.id in active else "还没有参加过"]
        known += [f"{_day(report)}汇报过" if report and report.year == year else "今年没汇报"]
        yield f"{person.name}：{'，'.join(known)}"


def _counted(values: Iterable[str]) -> str:
    return "，".join(f"{value} {count}" for value, count in Counter(values).most_common())


def _today(context: Context) -> date:
    return _date(context.now)


def _date(moment: datetime) -> date:
    return local(moment).date()


def _day(day: date) -> str:
    """``2026年3月5日``."""
    return f"{day.year}年{day.month}月{day.day}日"


def _since(day: date) -> str:
    """``2026年3月5日起``; of a month its first day is kept, and not said."""
    return f"{day.year}年{day.month}月起" if day.day == 1 else f"{_day(day)}起"
