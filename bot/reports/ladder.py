"""催办, 督办 and 提级 in words. What one address is to hear of several cases at one time is one text.

Of appeals only people hear, in private, and no more than the number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.content import Button, Card, Text
from bot.messages import PROVIDERS
from bot.posting import Address, Posting, address_of
from bot.reports.case_words import SECRETARIES, leaders_near, name_of, resolve_form
from bot.wording import moment_text
from models.cases import Case, CaseState
from models.chats import chats_of
from models.escalations import Cause, Rung
from models.organisations import Organisation, Tree
from models.people import Person, Post, posts_of

SIGNS = {Rung.URGE: "⏰", Rung.SUPERVISE: "📣", Rung.ESCALATE: "⬆️"}
LISTED = 8
"""Cases in one text."""
LIST_HINT = "逐件回复「受理 编号」或「办结 编号 怎么办的」。发「待办」看全部。"
LIST_LOOK = "看经过逐件发「进度 编号」。"
LOOK = "看经过发「进度 {number}」。"
NOBODY_ELSE = "内容只有书记看得到，那边的书记还没有报到，请提醒他发「报到 姓名 手机后四位」，再发「待办」来办。"
NEXT_LOOK = "能办了发「复办 {number}」，办好了发「办结 {number} 怎么办的」，还要等就「挂账 {number} 到哪天 理由」。"
RAISED = "你报的 {case}{why}，已提级到{level}，由那边过问。"
_LATE = (Cause.ACCEPT, Cause.RESOLVE)
_TO_DO = {Cause.ACCEPT: "受理", Cause.RESOLVE: "办结"}


@dataclass(frozen=True, slots=True)
class Climbed:
    """One rung that a case has just climbed. ``owed_by``: when it should have been done, where it is late."""

    case: Case
    cause: Cause
    rung: Rung
    organisation: Organisation
    owed_by: datetime | None = None

    @property
    def why(self) -> str:
        """What has gone wrong, as a clause."""
        if self.owed_by is not None:
            return f"该在{moment_text(self.owed_by)}前{_TO_DO[self.cause]}，还没{_TO_DO[self.cause]}"
        if self.cause is Cause.REOPENED:
            return f"重办了 {self.case.reopened} 次"
        return f"转办了 {self.case.transfers} 次" if self.cause is Cause.TRANSFERRED else "报的人要求提级"

    @property
    def line(self) -> str:
        """The same as one line of a list."""
        return f"{self.rung} {name_of(self.case)}：{self.why}"


@dataclass(frozen=True, slots=True)
class _Word:
    """The same for one listener. ``own``: it is for this one to do; ``acts``: this one may do anything about it."""

    climbed: Climbed
    hint: str
    own: bool
    acts: bool = True


class Words:
    """Collects who is to hear what, and posts it."""

    def __init__(self, session: Session, posting: Posting, tree: Tree, message_id: int | None = None) -> None:
        self._session = session
        self._posting = posting
        self._tree = tree
        self._message_id = message_id
        self._heard: dict[Address, dict[tuple[int, Cause], _Word]] = {}
        self._reporters: dict[Address, dict[int, Climbed]] = {}

    def add(self, climbed: Climbed) -> None:
        """催办 is for who has the case, 督办 also for the secretaries, 提级 for them and those of the next level.

        The reporter hears of 提级. Of what is not lateness the secretaries know: they have done it, or are told.
        """
        case, late = climbed.case, climbed.cause in _LATE
        if climbed.rung is not Rung.ESCALATE and case.unit is not None:
            self._note(
                unit_addresses(self._session, self._posting, case), _Word(climbed, _holders_hint(climbed), own=True)
            )
        if late and (climbed.rung is not Rung.URGE or case.unit is None):
            leaders = leaders_near(self._session, self._tree, case)
            self._note(self._private(leaders), _Word(climbed, _leaders_hint(climbed), own=case.unit is None))
        if climbed.rung is Rung.ESCALATE:
            self._note_level(climbed)
            self._note_reporter(climbed)

    def post(self, now: datetime, quiet: Callable[[Case], datetime], but: Address | None = None) -> None:
        """Says it all. ``quiet``: when the reporter of a case may be disturbed; ``but``: who knows already."""
        for address, heard in self._heard.items():
            if address != but:
                self._posting.post(address, _content([*heard.values()]), message_id=self._message_id)
        for address, raised in self._reporters.items():
            if address != but:
                text = Text("\n".join(_reporters_line(climbed) for climbed in raised.values()))
                due_at = max(now, *(now if each.case.urgent else quiet(each.case) for each in raised.values()))
                self._posting.post(address, text, message_id=self._message_id, due_at=due_at)

    def _note(self, addresses: list[Address], word: _Word) -> None:
        """Of one thing that is late, the last rung is what counts."""
        key = word.climbed.case.id, word.climbed.cause
        for address in addresses:
            self._heard.setdefault(address, {})[key] = word

    def _note_level(self, climbed: Climbed) -> None:
        """The secretaries there; the 组织员, who run nothing, hear of an appeal only where nobody else can be told."""
        case, level = climbed.case, climbed.organisation
        leaders = self._holding(level, *SECRETARIES) or self._holding(level, Post.ORGANISATION)
        self._note(leaders, _Word(climbed, _levels_hint(case), own=False))
        if not (leaders and case.confidential):
            hint = NOBODY_ELSE if case.confidential else LOOK.format(number=case.number)
            self._note(self._holding(level, Post.ORGANISER), _Word(climbed, hint, own=False, acts=False))

    def _note_reporter(self, climbed: Climbed) -> None:
        case = climbed.case
        if case.reporter_platform in PROVIDERS:  # elsewhere nothing can be said to people
            address = Address(case.reporter_platform, case.reporter_bot, case.reporter_ref, to_person=True)
            self._reporters.setdefault(address, {})[case.id] = climbed

    def _holding(self, organisation: Organisation, *posts: Post) -> list[Address]:
        """Those with such a post there who can be reached."""
        return self._private(posts_of(self._session, organisation, *posts))

    def _private(self, people: list[Person]) -> list[Address]:
        return list(self._posting.reach_all(people).values())


def unit_addresses(session: Session, posting: Posting, case: Case) -> list[Address]:
    """Where the unit hears of the case: in its own groups; its 联系人 in private where it has none, or of an appeal."""
    if case.unit is None:
        return []
    chats = [] if case.confidential else chats_of(session, case.unit)
    contacts = [] if chats else posts_of(session, case.unit, Post.CONTACT)
    return [*map(address_of, chats), *posting.reach_all(contacts).values()]


def ask_to_look(session: Session, posting: Posting, tree: Tree, case: Case) -> None:
    """挂账 has come to the day of the next look: the unit and the secretaries are asked to."""
    leaders = posting.reach_all(leaders_near(session, tree, case)).values()
    for address in dict.fromkeys((*unit_addresses(session, posting, case), *leaders)):
        posting.post(address, _next_look(case))


def _next_look(case: Case) -> Card:
    number, about = case.number, f"case:{case.number}"
    return Card(
        title=f"📅 挂账到期 {name_of(case)}",
        text="今天该再看看了，时限今天起接着算。",
        buttons=(Button("复办", f"复办 {number}", about, "primary"),),
        form=resolve_form(case),
        hint=NEXT_LOOK.format(number=number),
    )


def _content(heard: list[_Word]) -> Text | Card:
    if len(heard) == 1:
        return _card(heard[0])
    lines = [word.climbed.line for word in heard[:LISTED]]
    more = [f"另有 {len(heard) - LISTED} 件"] if len(heard) > LISTED else []
    hint = LIST_HINT if any(word.acts for word in heard) else LIST_LOOK
    return Text("\n".join([f"⏰ 超时的有 {len(heard)} 件：", *lines, *more, hint]))


def _card(word: _Word) -> Card:
    climbed, case = word.climbed, word.climbed.case
    raised = f"，已提级到{climbed.organisation.name}" if climbed.rung is Rung.ESCALATE else ""
    accept = Button("受理", f"受理 {case.number}", f"case:{case.number}", "primary")
    to_accept = word.own and climbed.cause is Cause.ACCEPT and case.state is not CaseState.SUSPENDED
    return Card(
        title=f"{SIGNS[climbed.rung]} {climbed.rung} {name_of(case)}",
        text=f"{climbed.why}{raised}。",
        buttons=(accept,) if to_accept else (),
        form=resolve_form(case) if word.own and climbed.cause is Cause.RESOLVE else None,
        hint=word.hint,
    )


def _holders_hint(climbed: Climbed) -> str:
    """What the one can do who has the case, as it stands: only what was taken can be set aside."""
    number, unit, state = climbed.case.number, climbed.case.unit, climbed.case.state
    if state is CaseState.SUSPENDED:
        return NEXT_LOOK.format(number=number)
    if state in (CaseState.ACCEPTED, CaseState.IN_PROGRESS):
        return f"办好了发「办结 {number} 怎么办的」；一时办不了，发「挂账 {number} 到哪天 理由」。"
    if unit is None:
        return f"请回复「受理 {number}」「派单 {number} 单位」或「不受理 {number} 理由」。"
    return f"请回复「受理 {number}」；不归你们管就「退单 {number} 理由」。"


def _leaders_hint(climbed: Climbed) -> str:
    """What the secretary can do: the same, or send it to another unit."""
    if climbed.case.unit is None:
        return _holders_hint(climbed)
    return f"在{climbed.case.unit.name}那里。可以当面催，也可以换单位：「转办 {climbed.case.number} 单位」。"


def _levels_hint(case: Case) -> str:
    number = case.number
    if case.unit is None:
        act = f"接着办就「复办 {number}」" if case.state is CaseState.SUSPENDED else f"要派就「派单 {number} 单位」"
        return f"{case.organisation.name}的，还没派单。看经过发「进度 {number}」，{act}。"
    where = f"在{case.unit.name}那里"
    return f"{case.organisation.name}的，{where}。看经过发「进度 {number}」，换单位就「转办 {number} 单位」。"


def _reporters_line(climbed: Climbed) -> str:
    late = f"到时还没{_TO_DO[climbed.cause]}" if climbed.cause in _LATE else climbed.why
    return RAISED.format(case=name_of(climbed.case), why=late, level=climbed.organisation.name)


def late_text(late: timedelta, *, urgent: bool) -> str:
    """``超 40 分钟``, ``超 3 小时``, ``超 2 天``; a day is twelve working hours, or 24 hours for an urgent case."""
    minutes = int(late.total_seconds()) // 60
    a_day = (24 if urgent else 12) * 60
    if minutes >= a_day:
        return f"超 {minutes // a_day} 天"
    return f"超 {minutes // 60} 小时" if minutes >= 60 else f"超 {max(minutes, 1)} 分钟"
