"""How meetings are held: who comes, late or on time or never, who asks for leave, is vouched for, or makes up later."""

from datetime import date, datetime, time, timedelta
from functools import partial

from tests.year import judge
from tests.year.agenda import Agenda
from tests.year.days import DAY, ZONE, day_of
from tests.year.record import Arrival, Leave, Meeting, Record
from tests.year.town import BRANCH, MASSES, Member, Org, Town
from tests.year.wire import Wire

HERE = ("签到", "签到", "签到", "打卡", "我到了", "已到会场", "已签到")
REASONS = ("老家有事", "今晚要跑单", "孩子发烧", "车坏在路上", "")
NOTES = (
    "这次学了交通安全的规定，以后一定慢一点，不闯红灯不逆行。",
    "看了材料，懂得了党员要带头，跑单的时候多留心路上的隐患。",
)
SITES = ("东站驿站", "西站驿站")
MINUTE = timedelta(minutes=1)
UNDER_WAY = timedelta(hours=2)
"""For how long some messages are under way: by then the meeting is over."""


class Attending(Agenda):
    """Meetings from their opening on."""

    def __init__(self, wire: Wire, town: Town, record: Record, last: date) -> None:
        super().__init__(wire, town, record, last)
        self._opening: dict[str, Meeting] = {}
        """By group, what has been opened and whose card has not been seen yet."""
        self._coded: set[Meeting] = set()
        """Those for which a screen shows codes."""
        self._silent: set[tuple[Meeting, Member]] = set()
        """Who will not check in any more: somebody else has said that they are there."""

    def open(self, meeting: Meeting) -> None:
        """The secretary opens it, where it has not been called off."""
        if meeting.cancelled_at is not None:
            return
        topic = "" if meeting.planned_at else meeting.topic
        marked = f"（计{meeting.counts_as}）" if meeting.counts_as and not meeting.planned_at else ""
        if self.lead(meeting, " ".join(word for word in (f"开课 {meeting.kind}", topic, marked) if word)):
            self.opens(meeting)

    def opens(self, meeting: Meeting) -> None:
        """It is open from now on: who comes when is decided here."""
        meeting.opened_at = self.wire.now
        self._opening[meeting.chat] = meeting
        self.afterwards.append(self._read_cards)
        self.tick_at(judge.closes_at(meeting))
        if self.random.random() < 0.02:
            self.at(meeting.opened_at + 10 * MINUTE, lambda: self._close(meeting))
            return  # nobody comes
        late = judge.late_from(meeting)
        if self.random.random() < 0.04:
            self.at(meeting.opened_at + MINUTE, lambda: self._show_code(meeting))
        self.at(meeting.opened_at + 2 * MINUTE, lambda: self._arrive(meeting, 0.9))
        self.at(late - timedelta(seconds=1), lambda: self._arrive(meeting, 0.2))
        self.at(late, lambda: self._arrive(meeting, 0.3))
        if self.random.random() < 0.1:
            self.at(late, lambda: self._vouch(meeting))
        self.at(judge.closes_at(meeting) + MINUTE, lambda: self._think_of_make_up(meeting))
        if meeting.minutes > 30:
            self.at(meeting.opened_at + 5 * MINUTE, lambda: self._ask_for_leave(meeting, chance=0.03))
        if self.random.random() < 0.5 and meeting.minutes > 30:
            self.at(meeting.opened_at + 40 * MINUTE, lambda: self._close(meeting))

    def _show_code(self, meeting: Meeting) -> None:
        """From now on a screen at the place shows a code, for those who want to use it."""
        if meeting.id and self.wire.outage is None:
            self.wire.say(meeting.org.secretary, "签到码", meeting.chat)
            self._coded.add(meeting)

    def _read_cards(self) -> None:
        if self.wire.outage:
            return
        for chat, lesson_id in self.wire.opened():
            if chat in self._opening:
                self._opening[chat].id = lesson_id
        self._opening = {chat: meeting for chat, meeting in self._opening.items() if not meeting.id}
        assert not self._opening, [meeting.name for meeting in self._opening.values()]

    def _arrive(self, meeting: Meeting, share: float) -> None:
        """Some of those who are not there yet check in; those who have asked for leave hardly ever."""
        if judge.is_over(meeting, self.wire.now):
            return
        for member in judge.expected(meeting):
            keen = 0.05 if member in meeting.leaves else member.zeal * share
            silent = not member.bound or member in meeting.came or (meeting, member) in self._silent
            if not silent and self.random.random() < keen:
                self._check_in(meeting, member)
        for member in meeting.org.members:
            uninvited = member.bound and member.status == MASSES and member.belongs(self.wire.now)
            uninvited = uninvited and member not in meeting.came and (meeting, member) not in self._silent
            if uninvited and self.random.random() < 0.02:
                self._check_in(meeting, member)

    def _check_in(self, meeting: Meeting, member: Member) -> None:
        now, chance = self.wire.now, self.random.random()
        text = self.random.choice(HERE)
        if chance < 0.3 and meeting.id:
            self._came(
                meeting, member, "button", self.wire.say(member, "签到", meeting.chat, about=f"lesson:{meeting.id}")
            )
        elif meeting in self._coded and self.wire.outage is None and chance < 0.6:
            self._check_in_by_code(meeting, member)
        elif chance > 0.98 and self.wire.serves(known_at := now + UNDER_WAY):
            message = self.wire.write(member, text, meeting.chat)
            self._came(meeting, member, "word", known_at)
            self.at(known_at, lambda: self.wire.bring(message))
        else:
            self._came(meeting, member, "word", self.wire.say(member, text, meeting.chat))
            if chance > 0.96:
                self.wire.say(member, text, meeting.chat)  # once more, for no answer has been seen

    def _check_in_by_code(self, meeting: Meeting, member: Member) -> None:
        shown = self.wire.code(meeting.id)
        if self.random.random() < 0.1:
            self.wire.say(member, f"签到 {(int(shown) + 1) % 10000:04}", meeting.chat)  # a slip of the thumb
        else:
            self._came(meeting, member, "code", self.wire.say(member, f"签到 {shown}", meeting.chat))

    def _came(self, meeting: Meeting, member: Member, way: str, known_at: datetime | None) -> None:
        if known_at is not None:
            meeting.came[member] = Arrival(self.wire.now, way, known_at)

    def _ask_for_leave(self, meeting: Meeting, chance: float) -> None:
        if meeting.opened_at is None and meeting.planned_at is None:
            return  # nobody has heard of it
        for member in judge.expected(meeting) if meeting.opened_at else self._invited(meeting):
            busy = member.bound and member is not meeting.org.secretary and member not in meeting.leaves
            if busy and member not in meeting.came and self.random.random() < chance:
                self._ask(meeting, member)

    def _invited(self, meeting: Meeting) -> list[Member]:
        """Who would be expected if it were opened now."""
        meeting.opened_at = self.wire.now
        invited = judge.expected(meeting)
        meeting.opened_at = None
        return invited

    def _vouch(self, meeting: Meeting) -> None:
        """Somebody who is there says that somebody else is, who has no signal."""
        if judge.is_over(meeting, self.wire.now) or self.wire.outage:
            return
        leader = branch_of(meeting.org).secretary
        there = [member for member in meeting.came if member.bound and member is not leader]
        missing = [m for m in judge.expected(meeting) if m not in meeting.came and m is not leader]
        if not there or not missing:
            return
        member = self.random.choice(missing)
        self.wire.say(self.random.choice(there), f"代报 {member.name} 没信号", meeting.chat)
        self._silent.add((meeting, member))
        said_at, chance = self.wire.now, self.random.random()
        if chance < 0.6:
            at_night = said_at.astimezone(ZONE).replace(hour=21, minute=40)
            later = self.random.choice((said_at + 6 * MINUTE, max(at_night, said_at + MINUTE)))
            self.at(later, lambda: self._confirm(meeting, member, said_at))
        elif chance < 0.8:
            self.at(said_at + 6 * MINUTE, partial(self._say, leader, f"不认代报 {member.name}"))

    def _confirm(self, meeting: Meeting, member: Member, said_at: datetime) -> None:
        if known_at := self._say(branch_of(meeting.org).secretary, f"确认代报 {member.name}"):
            meeting.came[member] = Arrival(said_at, "vouched", known_at)

    def _say(self, member: Member, text: str) -> datetime | None:
        return self.wire.say(member, text)

    def _think_of_make_up(self, meeting: Meeting) -> None:
        for member, mark in judge.marks(meeting, self.wire.now).items():
            if mark in ("缺席", "请假") and member.bound and self.random.random() < 0.15:
                after = self.random.choice((1, 2, 5, 20, 29, 31, 40))
                noon = datetime.combine(day_of(self.wire.now) + after * DAY, time(12, 5), ZONE)
                if noon <= self.last_moment:
                    self.at(noon, partial(self._make_up, meeting, member))

    def _make_up(self, meeting: Meeting, member: Member) -> None:
        """A note of what was learned; after a month it is too late."""
        assert meeting.opened_at is not None
        missed = judge.marks(meeting, self.wire.now).get(member) in ("缺席", "请假")
        if not member.belongs(self.wire.now) or not missed or not meeting.id:
            return
        self.wire.say(member, "补课", about=f"lesson:{meeting.id}")
        done_at = self.wire.say(member, f"心得 {self.random.choice(NOTES)}", about=f"lesson:{meeting.id}")
        if done_at and self.wire.now < judge.closed_at(meeting) + 30 * DAY:
            meeting.made_up[member] = done_at

    def _ask(self, meeting: Meeting, member: Member) -> None:
        named = f"{meeting.kind} " if self._branch_has_series(meeting) or self.random.random() < 0.3 else ""
        text = f"请假 {named}{self.random.choice(REASONS)}".strip()
        if self.wire.say(member, text, self.random.choice((meeting.chat, ""))) is None:
            return
        meeting.leaves[member] = Leave(self.wire.now)
        chance = self.random.random()
        begins = (meeting.planned_at or self.wire.now).astimezone(ZONE)
        decided_at = (begins - 31 * MINUTE) if meeting.opened_at is None else begins + 21 * MINUTE
        if self.random.random() < 0.3:
            decided_at = begins.replace(hour=21, minute=40)
        decided_at = max(decided_at, self.wire.now + MINUTE)
        if chance < 0.75:
            self.at(decided_at, lambda: self._grant(meeting, member))
        elif chance < 0.9:
            self.at(decided_at, lambda: self._refuse(meeting, member))

    def _refuse(self, meeting: Meeting, member: Member) -> None:
        leader = branch_of(meeting.org).secretary
        meeting.leaves[member].decided_at = self.wire.say(leader, f"不准假 {member.name} 这次要投票")

    def _branch_has_series(self, meeting: Meeting) -> bool:
        return any(series.org is branch_of(meeting.org) for series in self.record.series)

    def _grant(self, meeting: Meeting, member: Member) -> None:
        leave = meeting.leaves[member]
        leave.decided_at = self.wire.say(branch_of(meeting.org).secretary, f"准假 {member.name}")
        leave.granted = leave.decided_at is not None

    def _close(self, meeting: Meeting) -> None:
        if self.lead(meeting, "结束签到"):
            meeting.closed_at = self.wire.now

    def lead(self, meeting: Meeting, text: str) -> datetime | None:
        """The secretary of the branch, or the 组长 of the 党小组, says something in the meeting's group."""
        return self.wire.say(meeting.org.secretary, text, meeting.chat)

    def open_sites(self, branch: Org) -> None:
        """随到随学 for three days: at two places, each with a code on its wall."""
        self.wire.say(branch.secretary, f"随到随学 交通安全 {'、'.join(SITES)} 3天", branch.chat)
        meeting = Meeting(branch, branch.chat, "10分钟微课堂", minutes=3 * 24 * 60, sites=True)
        meeting.opened_at = self.wire.now
        self.record.meetings.append(meeting)
        self.afterwards.append(partial(self._read_walls, meeting))
        self.tick_at(judge.closes_at(meeting))

    def _read_walls(self, meeting: Meeting) -> None:
        meeting.id, codes = self.wire.walls(meeting.org.path)
        for member in judge.expected(meeting):
            if member.bound and self.random.random() < 0.7:
                when = self.wire.now + timedelta(hours=self.random.randint(1, 74), minutes=7)
                if when <= self.last_moment:
                    self.at(when, partial(self._check_in_at_site, meeting, member, self.random.choice(codes)))

    def _check_in_at_site(self, meeting: Meeting, member: Member, code: str) -> None:
        """At one's own time; after three days it is too late, and a wrong code is nothing."""
        chat = self.random.choice((meeting.chat, ""))
        if self.random.random() < 0.1:
            self.wire.say(member, f"签到 {(int(code) + 7) % 1000000:06}", chat)
            return
        known_at = self.wire.say(member, f"签到 {code}", chat)
        if not judge.is_over(meeting, self.wire.now):
            self._came(meeting, member, "site", known_at)


def branch_of(org: Org) -> Org:
    """The branch that a 党小组 belongs to; anything else itself."""
    return org if org.kind == BRANCH or org.parent is None else org.parent
