"""What happens in the city in a year: people plan, move, call off and forget meetings, ask for more, join and leave.

Chance decides, from one seed. Everything that is done is written into the raw record as it is done.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial

from tests.year import judge
from tests.year.attending import MINUTE, Attending, branch_of
from tests.year.days import DAY, ZONE, day_of, every_day, is_working, moment, working_day_after
from tests.year.record import Meeting, Record, Rule, Series
from tests.year.reminding import Reminding
from tests.year.town import BRANCH, COMMITTEE, COMMITTEE_POSTS, FOUNDED, Member, Org, Town
from tests.year.wire import Outage, Wire

TOPICS = ("交通安全", "学习总书记重要讲话", "冬季骑行", "文明送餐", "防诈骗", "")
HOURS = {
    "外卖": (time(15), time(15), time(15, 30)),
    "快递": (time(15), time(10)),
    "网约车": (time(10), time(15)),
    "货车": (time(15), time(10)),
}
OUTAGES = (
    # From the middle of meetings; what was said is lost but for the last seven hours.
    Outage(moment(date(2026, 3, 16), 10, 12), moment(date(2026, 3, 19), 7, 30), schedules_first=True),
    Outage(moment(date(2026, 6, 26), 15, 12), moment(date(2026, 6, 29), 15, 20), schedules_first=False),
)
POPULAR = {
    date(2026, 3, 16),
    date(2026, 6, 26),
    date(2026, 6, 29),
    date(2026, 3, 31),
    date(2026, 6, 30),
    date(2026, 9, 30),
}
"""Days on which many meet, beside Tuesdays, Thursdays and weekends on which people work."""
DAILY = time(15, 30)
"""When the schedules run on every day, whatever happens."""
LOOKED_AT = (9, 20, 28)
"""The days of each month on which the duties are looked at."""


class Story(Attending):
    """Plays the year, or the part of it until ``last``."""

    def __init__(self, wire: Wire, town: Town, record: Record, last: date) -> None:
        super().__init__(wire, town, record, last)
        self.first = date(last.year, 1, 1)
        self.reminding = Reminding(wire, town, record)
        self.before_schedules = self.reminding.before_schedules
        self.look: Callable[[datetime], None] = lambda now: None
        """What is done now and then to compare how duties stand."""
        self._taken: dict[Org, set[date]] = {branch: set() for branch in town.branches}
        self._care = {branch: self.random.choice((1.0, 0.95, 0.95, 0.8, 0.55)) for branch in town.branches}

    def play(self) -> None:
        """From the beginning of the year to the end."""
        for outage in OUTAGES:
            if outage.end <= self.last_moment:
                self.fail_at(outage)
                self.at(outage.end, lambda: self.afterwards.append(self._read_cards))
        self._put_joiners()
        self._put_leavers()
        self._put_rules()
        self._put_corner_cases()
        self._put_series()
        for day in every_day(self.first, self.last):
            self.at(moment(day, 6), partial(self._begin, day))
            self.tick_at(datetime.combine(day, DAILY, ZONE))
            if day.day in LOOKED_AT:
                self.at(moment(day, 15, 47), self._look_at_duties)
        self.run()

    def _begin(self, day: date) -> None:
        """At the beginning of a month everybody thinks of what to hold in it."""
        if day.day == 1 or day == self.first:
            for branch in self.town.branches:
                if branch.founded_at <= self.wire.now:
                    self._think_of_month(branch, day)

    def _look_at_duties(self) -> None:
        """The present periods are compared in the midst of things: later they have changed."""
        if self.wire.outage is None:
            self.look(self.wire.now)

    # Who joins

    def _put_joiners(self) -> None:
        """New branches and new members come by a roster of their own; who is there at the beginning is in the first."""
        joining: dict[datetime, list[Member]] = {}
        for member in self.town.everyone():
            joining.setdefault(member.joined_at, []).append(member)
        for when, members in sorted(joining.items()):
            if when <= self.last_moment:
                self.at(when, partial(self._join, members))

    def _join(self, members: list[Member]) -> None:
        self.wire.join(members)
        for org in self.town.orgs():
            if org.chat and org.founded_at == self.wire.now:
                self.wire.say(org.secretary, f"绑定 {org.name}", org.chat)
                if org.kind == BRANCH and self.wire.now > FOUNDED:
                    self._think_of_month(org, day_of(self.wire.now))

    def _put_leavers(self) -> None:
        """Of those without a post some leave, and their secretaries say so."""
        plain = [member for member in self.town.members if not member.post and member.joined_at == FOUNDED]
        plain = [member for member in plain if branch_of(member.org).founded_at == FOUNDED]
        days = [day for day in every_day(self.first, self.last) if is_working(day)]
        for member in self.random.sample(plain, len(plain) // 40):
            self.at(moment(self.random.choice(days), 8, 20), partial(self._leave, member))

    def _leave(self, member: Member) -> None:
        if self.wire.outage is None:
            secretary = branch_of(member.org).secretary
            self.wire.say(secretary, f"{member.name}离开支部")
            self.wire.say(secretary, f"确认离开 {member.name}")
            member.left_on = day_of(self.wire.now)

    # What is asked for

    def _put_rules(self) -> None:
        """Some organisations ask for more or less than what is asked in general."""
        trades = {committee.name: committee for committee in self.town.committees}
        plan: list[tuple[date, Org, str, str, int, str]] = [
            (date(2026, 1, 15), self.town.branches[0], "支委会", "month", 2, "每月2次"),
            (date(2026, 2, 10), self.town.branches[2], "党课", "quarter", 2, "每季度2次"),
            (date(2026, 5, 12), self.town.committees[0], "党课", "month", 1, "每月1次"),
        ]
        if len(trades) > 1:
            plan.append((date(2026, 8, 4), self.town.committees[1], "民主评议党员", "year", 0, "不要求"))
        for day, org, kind, every, times, words in plan:
            if self.first <= day <= self.last:
                self.at(moment(day, 9), partial(self._rule, Rule(org, kind, every, times, moment(day, 9)), words))

    def _rule(self, rule: Rule, words: str) -> None:
        self.wire.say(rule.org.secretary, f"要求 {rule.kind} {words}")
        self.record.rules.append(rule)
        # What a branch had asked for itself gives way where more is asked from above: twice a quarter to once a month.
        for branch in rule.org.below if rule.org.kind == COMMITTEE else []:
            own = [old for old in self.record.rules if old.org is branch and old.kind == rule.kind]
            if own and (own[-1].every, rule.every) == ("quarter", "month"):
                self.record.rules.append(Rule(branch, rule.kind, rule.every, rule.times, rule.at))

    # Series

    def _put_series(self) -> None:
        for number, (branch, day, words, weekdays, hour, kind) in enumerate(self._series_plan()):
            if self.first <= day <= self.last:
                series = Series(branch, branch.chat, kind, weekdays, hour, moment(day, 9, 10))
                self.at(series.made_at, partial(self._begin_series, series, words))
                if number % 3 == 2:
                    self.at(moment(min(self.last, day + 100 * DAY), 11), partial(self._end_series, series))

    def _series_plan(self) -> list[tuple[Org, date, str, frozenset[int], time, str]]:
        """Of four branches: on a weekday, on several, on each working day, on Saturdays."""
        there = [branch for branch in self.town.branches if branch.founded_at == FOUNDED]
        chosen = there[:: max(1, len(there) // 4)]
        shapes = (
            ("每周三14:30 10分钟微课堂 交通安全", frozenset({2}), time(14, 30), "10分钟微课堂"),
            ("每周一三五14:30 10分钟微课堂 防诈骗", frozenset({0, 2, 4}), time(14, 30), "10分钟微课堂"),
            ("每个工作日9:30 班前一刻钟", frozenset[int](), time(9, 30), "班前一刻钟"),
            ("每周六14:30 红色学堂", frozenset({5}), time(14, 30), "红色学堂"),
        )
        return [
            (branch, date(2026, 1, 6) + number * 9 * DAY, *shapes[number % len(shapes)])
            for number, branch in enumerate(chosen)
        ]

    def _begin_series(self, series: Series, words: str) -> None:
        self.wire.say(series.org.secretary, words, series.chat)
        self.record.series.append(series)
        for day in every_day(day_of(self.wire.now), self.last):
            on = judge.session_day(series, day)
            begins = datetime.combine(on, series.at, ZONE) if on else None
            if begins and begins > self.wire.now and begins < self.last_moment:
                meeting = Meeting(series.org, series.chat, series.kind, planned_at=begins, series=True)
                meeting.announced_at, meeting.minutes = series.made_at, judge.KINDS[series.kind][0]
                if series.weekdays:  # what is held on every working day is nothing to be reminded of
                    self.reminding.await_(meeting)
                    self.tick_at(judge.quiet(begins - 30 * MINUTE, series.org.trade))
                self.tick_at(begins)
                self.at(begins, partial(self._open_session, series, meeting))

    def _open_session(self, series: Series, meeting: Meeting) -> None:
        if series.ended_at is None and self.wire.outage is None:
            self.record.meetings.append(meeting)
            self.opens(meeting)

    def _end_series(self, series: Series) -> None:
        series.ended_at = self.wire.say(series.org.secretary, "停系列 1", series.chat)
        if series.ended_at is not None:
            self.reminding.forget(series)

    # What is to be held

    def _think_of_month(self, branch: Org, day: date) -> None:
        number, month = self.town.branches.index(branch), day.month
        kinds = ["主题党日"]
        if len(branch.holders(*COMMITTEE_POSTS)) > 2:
            kinds.append("支委会")
        if month % 3 == number % 3:
            kinds.append("党课")
        if (month + 1) % 3 == number % 3:
            kinds.append("党员大会")
        if month == 11 + number % 2:
            kinds += ["组织生活会", "民主评议党员"]
        for kind in kinds:
            if self.random.random() < self._care[branch]:
                self._hold(branch, branch.chat, kind, month)
        for org in {group if group.chat else branch: None for group in branch.groups}:
            if self.random.random() < self._care[branch]:
                self._hold(org, org.chat, "党小组会", month)
        if self.random.random() < 0.3:
            self._hold(branch, branch.chat, self.random.choice(("10分钟微课堂", "红色学堂")), month)

    def _put_corner_cases(self) -> None:
        """Over midnight out of a quarter, and in the first minute of one; and lessons that are open for days."""
        there = [branch for branch in self.town.branches if branch.founded_at == FOUNDED]
        for branch, when, kind in (
            (there[1], moment(date(2026, 3, 31), 23, 58), "党课"),
            (there[3], moment(date(2026, 7, 1), 0, 0, 20), "党员大会"),
            (there[0], moment(date(2026, 12, 31), 22, 30), "党课"),
        ):
            if when <= self.last_moment - DAY / 10:
                self._taken[branch] |= {day_of(when), day_of(when) + DAY}
                meeting = Meeting(branch, branch.chat, kind)
                self.record.meetings.append(meeting)
                self.at(when, partial(self.open, meeting))
        for branch, day in zip(there[2:], (date(2026, 2, 3), date(2026, 8, 11), date(2026, 11, 10)), strict=False):
            if day + 4 * DAY <= self.last:
                self.at(moment(day, 9, 20), partial(self.open_sites, branch))

    def _hold(self, org: Org, chat: str, kind: str, month: int) -> None:
        """Finds a day on which nothing else is held in the branch, and puts everything on the agenda."""
        branch = branch_of(org)
        first = day_of(self.wire.now - timedelta(hours=9)) + DAY  # who is founded in the course of a day meets tomorrow
        days = [d for d in every_day(first, self.last) if d.month == month and is_working(d)]
        free = [d for d in days if d not in self._taken[branch]]
        if not free:
            return
        day = self._pick(free)
        self._taken[branch].add(day)
        begins = datetime.combine(day, self.random.choice(HOURS[branch.trade]), ZONE)
        meeting = Meeting(org, chat, kind, self.random.choice(TOPICS), minutes=judge.KINDS[kind][0])
        if kind == "红色学堂" and self.random.random() < 0.5:
            meeting.counts_as = "党课"
        self.record.meetings.append(meeting)
        if self.random.random() < 0.7 and day > first:
            self._plan(meeting, begins)
        else:
            self.at(begins, lambda: self.open(meeting))

    def _pick(self, days: list[date]) -> date:
        """Mostly a day on which others meet too."""
        popular = [d for d in days if d.weekday() in (1, 3, 5, 6) or d in POPULAR]
        return self.random.choice(popular if popular and self.random.random() < 0.97 else days)

    def _plan(self, meeting: Meeting, begins: datetime) -> None:
        ahead = DAY * self.random.randint(1, 6)
        announced = (begins - ahead).astimezone(ZONE).replace(hour=8, minute=30)
        self.at(max(announced, self.wire.now + MINUTE), lambda: self._announce(meeting, begins))
        self._expect(meeting, begins)

    def _expect(self, meeting: Meeting, begins: datetime) -> None:
        """What becomes of it once it is planned for then."""
        chance = self.random.random()
        morning = datetime.combine(day_of(begins), time(8, 40), ZONE)
        self.tick_at(judge.quiet(begins - 30 * MINUTE, meeting.org.trade))
        if chance < 0.03:
            return  # forgotten
        if chance < 0.06:
            self.at(morning, lambda: self._cancel(meeting))
        elif chance < 0.12:
            self.at(morning, lambda: self._move(meeting))
        else:
            early = self.random.choice((*[0] * 14, 10, -5))
            self.at(begins - early * MINUTE, lambda: self.open(meeting))
            self.at(morning, lambda: self._ask_for_leave(meeting, chance=0.04))

    def _announce(self, meeting: Meeting, begins: datetime) -> None:
        marked = f"（计{meeting.counts_as}）" if meeting.counts_as else ""
        words = [f"计划 {meeting.kind}", meeting.topic, f"{begins.month}月{begins.day}日{begins:%H:%M}", marked]
        meeting.announced_at = self.lead(meeting, " ".join(word for word in words if word))
        if meeting.announced_at:
            meeting.planned_at = begins
            self.reminding.await_(meeting)

    def _cancel(self, meeting: Meeting) -> None:
        if self._alone(meeting):
            meeting.cancelled_at = self.lead(meeting, f"取消 {meeting.kind} 很多人要跑单")

    def _move(self, meeting: Meeting) -> None:
        day = working_day_after(day_of(self.wire.now))
        if not self._alone(meeting) or day > self.last or day in self._taken[branch_of(meeting.org)]:
            return
        assert meeting.planned_at is not None
        begins = datetime.combine(day, meeting.planned_at.astimezone(ZONE).time(), ZONE)
        if moved_at := self.lead(meeting, f"改期 {meeting.kind} {begins.month}月{begins.day}日{begins:%H:%M}"):
            self._taken[branch_of(meeting.org)].add(day)
            meeting.before.append((meeting.planned_at, moved_at))
            meeting.planned_at, meeting.announced_at = begins, moved_at
            self._expect(meeting, begins)

    def _alone(self, meeting: Meeting) -> bool:
        """Whether it is the only one of its kind that is planned, so that its kind is enough to say which is meant."""
        if any(series.org is meeting.org and series.kind == meeting.kind for series in self.record.series):
            return False  # a session of it is always planned
        yesterday = self.wire.now - DAY
        same = [m for m in self.record.meetings if m.org is meeting.org and m.kind == meeting.kind and m.planned_at]
        waiting = [
            m for m in same if not m.opened_at and not m.cancelled_at and m.planned_at and m.planned_at > yesterday
        ]
        return waiting == [meeting]
