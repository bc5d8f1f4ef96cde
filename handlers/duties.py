"""Duties (三会一课): how they stand, and how often a kind of meeting is asked for."""

import re
from dataclasses import replace

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.duties import REGULATIONS, Verdict, duty_card, duty_roll_up
from bot.understanding.intent import Intent
from bot.understanding.numerals import CHINESE, whole_number
from models.duty_rules import DutyRule
from models.lessons import kind_named
from models.organisations import Organisation, OrganisationKind
from models.people import Person
from schedules.calendar import year_of
from schedules.digests import branches_below, in_order
from schedules.directory import day_of
from schedules.duties import A_YEAR, DUTIES, Duty, DutyState, Every, duty_states, overdue
from schedules.duty_records import Rules

NOT_YOURS = "三会一课的情况给书记和组织员看。"
NO_BRANCH = "{name}不开三会一课，请到支部群里问，或者由支部书记私下问我。"
NOTHING_BELOW = "{name}下面还没有支部，先没有三会一课的情况。"

WHICH_KIND = "能定要求的有：{kinds}。请说哪一种、多久几次，比如「要求 党课 每月1次」。"
HOW_OFTEN = (
    "请说多久几次：每月、每季度或者每年，1 到 {most} 次，比如「要求 {kind} 每月1次」。"
    "不用开的，发「要求 {kind} 不要求」。"
)
NO_LESS = "{kind}的要求是{asked}，这里可以多开，不能少开。要放宽，请上级党组织来定。"
ONLY_MEETINGS = "党小组只定党小组会，比如「要求 党小组会 每月1次」。"
SAME = "{kind}现在就是{asked}，不用再定。"
DONE = "定好了：{name}{below}，{kind}{asked}。从这个周期算起，提醒、周报都按这个来。"
RAISED = "下面有 {count} 个组织自己定得更松，一并改成这样。"
KEPT = "下面有 {count} 个组织自己定得更严，照旧。"

MOST = 12
"""Times in one period that can be asked for."""
_PERIODS: dict[str, Every] = {"月": "month", "季度": "quarter", "季": "quarter", "年": "year"}
_CALLED: dict[Every, str] = {"month": "每月", "quarter": "每季度", "year": "每年"}
_TIMES = rf"(?P<times>\d{{1,4}}|[{CHINESE}]{{1,4}})[次回场节遍]"
_EVERY = r"[每一]?个?(?P<every>月|季度|季|年)"
_FILLER = r"[要开上召至少不于得都]*"
_FREQUENCIES = (
    re.compile(rf"{_FILLER}{_EVERY}{_FILLER}(?:{_TIMES})?{_FILLER}"),
    re.compile(rf"{_FILLER}{_TIMES}[/每]个?(?P<every>月|季度|季|年)"),
)
_NEED_NOT = re.compile(r"(?:不|不做|不作|没有?)要求了?|不用(?:开|上)?了?|免|免了|取消")
_GAPS = re.compile(r"[\s,，.。:：;；!！、]+")


@handles("duty_query", by=Who.MEMBER)
def duty_query(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """What is held, planned, due and overdue; for those who run the organisation or look after it, and in private."""
    organisation = context.organisation
    if organisation is None or not (context.runs(organisation) or context.member.looks_after(organisation)):
        return Privately(Text(NOT_YOURS)) if context.message.addressed else None
    if organisation.kind is OrganisationKind.COMMITTEE:
        return Privately(_roll_up(context, organisation))
    branch = _branch_of(context, organisation)
    if branch is None:
        return Privately(Text(NO_BRANCH.format(name=organisation.name)))
    states, late = _standing(context, [branch])
    lines, missed = ([s.line() for s in found[branch.id] if _of(s, organisation)] for found in (states, late))
    card = duty_card(organisation.name, lines, missed)
    return Privately(card if context.runs(organisation) else replace(card, buttons=(), hint=""))


def _branch_of(context: Context, organisation: Organisation) -> Organisation | None:
    """The branch itself, or that of a 党小组."""
    if organisation.kind is OrganisationKind.GROUP:
        above = context.batch.tree.above(organisation)
        return next((org for org in above if org.kind is OrganisationKind.BRANCH), None)
    return organisation if organisation.kind is OrganisationKind.BRANCH else None


def _of(state: DutyState, organisation: Organisation) -> bool:
    """Whether the duty is the organisation's business: everything is a branch's, its own meeting a 党小组's."""
    return organisation.kind is OrganisationKind.BRANCH or state.organisation.id == organisation.id


def _standing(
    context: Context, branches: list[Organisation]
) -> tuple[dict[int, list[DutyState]], dict[int, list[DutyState]]]:
    """By branch, the present duties, and those of this year and of the last periods that were not held in time."""
    session, tree, now = context.session, context.batch.tree, context.now
    since = year_of(day_of(now)).start
    return duty_states(session, tree, branches, now), overdue(session, tree, branches, now, since)


def _roll_up(context: Context, committee: Organisation) -> Text:
    branches = branches_below(context.batch.tree, committee)
    if not branches:
        return Text(NOTHING_BELOW.format(name=committee.name))
    states, late = _standing(context, branches)
    asked = {branch_id: [state for state in found if state.in_season] for branch_id, found in states.items()}
    lines = [[state.line() for state in found] for found in asked.values()]
    owed = {branch_id: [state for state in found if state.verdict is Verdict.DUE] for branch_id, found in asked.items()}
    return duty_roll_up(committee.name, lines, in_order(branches, owed, late))


@handles("set_duty", by=Who.SECRETARY)
def set_duty(context: Context, intent: Intent) -> Reply | None:
    """Says how often a kind is asked for here and below, or asks for it to be otherwise.

    In a group, what is not addressed to the bot and is no such sentence is people's talk.
    """
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return Privately(Text(Who.SECRETARY.value))
    if organisation.kind in (OrganisationKind.COMPANY, OrganisationKind.UNIT):
        return Privately(Text(NO_BRANCH.format(name=organisation.name)))
    words = _GAPS.sub("", intent.text("text")).partition("要求")[2]
    if not words:
        return Privately(Text(_what_holds(context, organisation)))
    asked = _read(words, intent.text("kind"))
    if isinstance(asked, Text):
        return Privately(asked) if context.message.addressed else None
    return Privately(_set(context, organisation, asked))


def _read(words: str, kind: str) -> Duty | Text:
    """The duty as it is asked for, or what to say instead."""
    row = next((duty for duty in DUTIES if duty.kind == kind_named(kind)), None)
    if row is None:
        return Text(WHICH_KIND.format(kinds="、".join(duty.kind for duty in DUTIES)))
    frequency = read_frequency(words.replace(kind, "", 1))
    if frequency is None:
        return Text(HOW_OFTEN.format(kind=row.kind, most=MOST))
    every, times = frequency
    return replace(row, every=every or row.every, times=times)


def read_frequency(words: str) -> tuple[Every | None, int] | None:
    """``每月1次`` as ``("month", 1)``, ``不要求`` as ``(None, 0)``; None for anything else.

    Without a number, once is meant.
    """
    if _NEED_NOT.fullmatch(words):
        return None, 0
    for expression in _FREQUENCIES:
        if found := expression.fullmatch(words):
            times = whole_number(found["times"] or "1")
            if times is None or not 1 <= times <= MOST:
                return None
            return _PERIODS[found["every"]], times
    return None


def _set(context: Context, organisation: Organisation, asked: Duty) -> Text:
    if organisation.kind is OrganisationKind.GROUP and asked.binds != "group":
        return Text(ONLY_MEETINGS)
    row = next(duty for duty in DUTIES if duty.kind == asked.kind)
    rules = Rules(context.session, context.batch.tree)
    rule = _from_above(context, rules, asked.kind, organisation)
    above = row.by(rule)
    # a 党委 may ease the general duties, but not what has been asked for from above it
    bound = rule is not None or organisation.kind is not OrganisationKind.COMMITTEE
    if bound and not context.admin and _is_less(asked, above):
        return Text(NO_LESS.format(kind=asked.kind, asked=_often(above)))
    if _often(row.by(rules.nearest(asked.kind, organisation))) == _often(asked):
        return Text(SAME.format(kind=asked.kind, asked=_often(asked)))
    _add(context, organisation, asked)
    raised, kept = _bring_up_below(context, organisation, row)
    branches = branches_below(context.batch.tree, organisation)
    below = f"和下面 {len(branches)} 个支部" if organisation.kind is OrganisationKind.COMMITTEE and branches else ""
    done = DONE.format(name=organisation.name, below=below, kind=asked.kind, asked=_often(asked))
    others = ((RAISED, raised), (KEPT, kept))
    return Text(done + "".join(said.format(count=count) for said, count in others if count))


def _from_above(context: Context, rules: Rules, kind: str, organisation: Organisation) -> DutyRule | None:
    above = context.batch.tree.above(organisation)
    return rules.nearest(kind, above[0]) if above else None


def _is_less(asked: Duty, above: Duty) -> bool:
    """Whether it would allow what is asked for from above not to be held: fewer in a year, or less regularly."""
    return above.times > 0 and (asked.a_year < above.a_year or A_YEAR[asked.every] < A_YEAR[above.every])


def _add(context: Context, organisation: Organisation, asked: Duty) -> None:
    context.session.add(
        DutyRule(
            organisation_id=organisation.id,
            kind=asked.kind,
            every=asked.every,
            times=asked.times,
            set_by=context.person.id if context.person else None,
            set_at=context.now,
            message_id=context.message_id,
        )
    )
    context.session.flush()
    context.audit("set_duty", f"organisation:{organisation.id}")


def _bring_up_below(context: Context, organisation: Organisation, row: Duty) -> tuple[int, int]:
    """Brings those below that had asked for less than now comes from above up to it.

    Returns how many these were, and how many keep to more of their own.
    """
    raised = kept = 0
    for org in context.batch.tree.below(organisation)[1:]:
        rules = Rules(context.session, context.batch.tree)  # anew: the one above may just have been brought up
        own = rules.own(row.kind, org)
        above = row.by(_from_above(context, rules, row.kind, org))
        if own is not None and _is_less(row.by(own), above):
            _add(context, org, above)
            raised += 1
        elif own is not None and _often(row.by(own)) != _often(above):
            kept += 1
    return raised, kept


def _what_holds(context: Context, organisation: Organisation) -> str:
    rules = Rules(context.session, context.batch.tree)
    rows = [duty for duty in DUTIES if duty.binds == "group" or organisation.kind is not OrganisationKind.GROUP]
    lines = [_holds(context, row, rules.nearest(row.kind, organisation)) for row in rows]
    return "\n".join([f"📋 {organisation.name}现在的要求：", *lines, "要改，发「要求 党课 每月1次」这样的话。"])


def _holds(context: Context, row: Duty, rule: DutyRule | None) -> str:
    source = row.article.removeprefix(REGULATIONS) if rule is None else f"{_setter(context, rule).name}定的"
    bound = "，设支委会的支部" if row.binds == "committee" else ""
    return f"· {row.kind}：{_often(row.by(rule))}（{source}{bound}）"


def _setter(context: Context, rule: DutyRule) -> Organisation:
    """Whose secretary said so; for one brought up from above that is not the organisation that it holds for."""
    person = context.session.get(Person, rule.set_by) if rule.set_by else None
    return person.organisation if person else context.batch.tree.by_id[rule.organisation_id]


def _often(duty: Duty) -> str:
    return f"{_CALLED[duty.every]} {duty.times} 次" if duty.times else "不作要求"
