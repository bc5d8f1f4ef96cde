"""Whom the bot has to remind of what, and when: judged at each run of the schedules by the raw record until then."""

from datetime import date, datetime, timedelta

from tests.year import judge
from tests.year.days import DAY, ZONE, day_of, moment
from tests.year.record import Meeting, Record, Series
from tests.year.town import DEPUTY, SECRETARY, Town
from tests.year.wire import Wire

SOON = timedelta(minutes=30)


class Reminding:
    """Collects what is to be said. ``before_schedules`` is to be called right before each run."""

    def __init__(self, wire: Wire, town: Town, record: Record) -> None:
        self.wire = wire
        self.town = town
        self.record = record
        self.of_duties: list[tuple[datetime, str, set[tuple[str, str]]]] = []
        """When who is to be reminded of which duties."""
        self.of_lessons: list[tuple[str, datetime, str]] = []
        """Which group is to be reminded when of which meeting."""
        days = [judge.reminding_days(period, 1) for period in judge.ALL_PERIODS]
        self._duty_days = sorted(set().union(*days, judge.reminding_days(judge.ALL_PERIODS[-1], 10)))
        self._awaited: set[Meeting] = set()
        self._done: set[tuple[Meeting, datetime, datetime]] = set()

    def await_(self, meeting: Meeting) -> None:
        """It has been planned."""
        self._awaited.add(meeting)

    def forget(self, series: Series) -> None:
        """It goes on no more."""
        self._awaited = {meeting for meeting in self._awaited if not (meeting.series and meeting.org is series.org)}

    def before_schedules(self) -> None:
        """Notes what they have to say now."""
        for day in [day for day in self._duty_days if moment(day, 15) <= self.wire.now]:
            self._duty_days.remove(day)
            if self.wire.now < moment(day + 2 * DAY, 15):
                self._remind_of_duties(day)
        for meeting in list(self._awaited):
            self._remind_of(meeting)

    def _remind_of_duties(self, day: date) -> None:
        now_judged = judge.Judge(self.record, self.wire.now)
        for branch in self.town.branches:
            if branch.founded_at < moment(day, 0) and (owed := now_judged.reminded_of(branch, day)):
                bound = [member for member in branch.holders(SECRETARY, DEPUTY) if member.bound]
                self.of_duties.append((self.wire.now, bound[0].ref if bound else branch.chat, owed))

    def _remind_of(self, meeting: Meeting) -> None:
        """The afternoon before and half an hour before, at a quiet minute or not at all; of a series the latter."""
        begins, trade = meeting.planned_at, meeting.org.trade
        if meeting.opened_at or meeting.cancelled_at or begins is None or begins <= self.wire.now:
            self._awaited.discard(meeting)
            return
        day_before, soon = moment(day_of(begins) - DAY, 15, 30), begins - SOON
        if not meeting.series:
            self._remind_between(meeting, begins, judge.quiet(day_before, trade), soon)
        self._remind_between(meeting, begins, judge.quiet(soon, trade), begins)

    def _remind_between(self, meeting: Meeting, begins: datetime, due: datetime, until: datetime) -> None:
        now, key = self.wire.now, (meeting, begins, until)
        known = meeting.announced_at is not None and meeting.announced_at <= due
        if known and due <= now < until and key not in self._done and judge.quiet(now, meeting.org.trade) == now:
            self._done.add(key)
            self.of_lessons.append((meeting.chat, now, f"{begins.astimezone(ZONE):%Y-%m-%d %H:%M} {meeting.kind}"))
