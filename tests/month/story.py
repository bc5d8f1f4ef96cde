"""What happens to each case of the month, as one seed makes it: who says what, and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from tests.month.city import UNITS, Branch, branches, contact
from tests.year.days import day_of, moment

FIRST = moment(date(2026, 9, 14), 0)
LAST = moment(date(2026, 10, 21), 0)
"""Over 中秋 and 国庆, with two working weekends."""
HAZARDS, APPEALS = 1400, 366
NUMBER = 1001
"""Of the first case."""
STEP = timedelta(minutes=17)
"""What people do falls on every 17th minute, so that some of it falls together."""
_TROUBLES = (
    "垃圾没人清",
    "电动车堵住了消防通道",
    "井盖没了",
    "路灯不亮",
    "货车违停占道",
    "电线垂下来了",
    "墙皮要掉下来了",
)
_DANGERS = ("着火了", "煤气泄漏了")
_GRIEVANCES = ("站点扣了我两百块没说理由", "平台少算了三单的钱", "充电柜太少换不上电", "站长不让请假", "保险一直没给上")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done to a case. ``unit``: to whom it goes; ``until``: the day to which it is put off."""

    at: datetime
    action: str
    who: str
    text: str
    unit: str = ""
    until: date | None = None


@dataclass(slots=True)
class Told:
    """One case from its report on, in the order of time; the first act is the report."""

    number: int
    branch: Branch
    reporter: str
    appeal: bool
    acts: list[Act] = field(default_factory=list)


def stories(seed: int) -> list[Told]:
    """All cases of the month, in the order of their numbers."""
    random = Random(seed)
    kinds = [False] * HAZARDS + [True] * APPEALS
    random.shuffle(kinds)
    begins = sorted(random.choices(list(_daylight()), k=len(kinds)))
    cities = branches()
    return [
        _Story(random, NUMBER + place, random.choice(cities), appeal).told(begun)
        for place, (begun, appeal) in enumerate(zip(begins, kinds, strict=True))
    ]


def _daylight() -> Iterator[datetime]:
    """When people report: mostly by day, and until a week before the end."""
    now = FIRST
    while now < LAST - timedelta(days=7):
        if 6 <= (now + timedelta(hours=8)).hour < 23:
            yield now
        now += STEP


class _Story:
    """Draws what becomes of one case, by what is legal as its state goes on."""

    def __init__(self, random: Random, number: int, branch: Branch, appeal: bool) -> None:
        self._random = random
        self._told = Told(number, branch, random.choice(branch.members), appeal)
        self._now = FIRST
        self._unit = ""
        self._left_alone = False
        self._stubborn = random.random() < 0.03
        self._bouncing = random.random() < 0.03

    def told(self, begun: datetime) -> Told:
        """The whole story."""
        self._now = begun
        self._act("登记", self._told.reporter, self._report())
        for _ in self._life():
            if self._left_alone or self._now >= LAST:
                break
        self._told.acts = [act for act in self._told.acts if act.at < LAST]
        return self._told

    def _report(self) -> str:
        """No two alike, and each with a place of its own."""
        number = self._told.number
        if self._told.appeal:
            return f"诉求 {self._random.choice(_GRIEVANCES)}，第{number}回了"
        trouble = self._random.choice(_DANGERS if self._random.random() < 0.08 else _TROUBLES)
        return f"随手拍 {number}号院{trouble}"

    def _life(self) -> Iterator[None]:
        number, secretary = self._told.number, self._told.branch.secretary
        yield from self._wait()
        if self._random.random() < 0.3:
            self._act("受理", secretary, f"受理 {number}")
            yield from self._wait()
        if self._random.random() < 0.1:
            self._act("办结", secretary, f"办结 {number} 当场弄好了")
        else:
            self._send("派单")
            yield from self._with_units()
        yield from self._afterwards()

    def _with_units(self) -> Iterator[None]:
        """Until it is 办结."""
        number, secretary, transfers = self._told.number, self._told.branch.secretary, 0
        yield from self._wait()
        while self._bouncing and transfers < 4:
            self._send("转办")
            transfers += 1
            yield from self._wait()
        if self._random.random() < 0.08:
            self._act("退单", contact(self._unit), f"退单 {number} 不归我们管")
            yield from self._wait()
            self._send("派单")
            yield from self._wait()
        if self._random.random() < 0.8:
            self._act("受理", contact(self._unit), f"受理 {number}")
            yield from self._wait()
            if self._random.random() < 0.2:
                yield from self._set_aside()
            if self._random.random() < 0.06:
                self._send("转办")
                yield from self._wait()
        elif self._random.random() < 0.2:
            self._act_suspend(secretary)
            yield from self._wait()
        self._act("办结", contact(self._unit), f"办结 {number} 弄好了")

    def _set_aside(self) -> Iterator[None]:
        """Once or twice; what comes then may come before the day of the next look, or long after."""
        for _ in range(self._random.choice((1, 1, 2))):
            self._act_suspend(contact(self._unit))
            yield from self._wait(slow=True)
        if self._random.random() < 0.6:
            self._act("复办", contact(self._unit), f"复办 {self._told.number}")
            yield from self._wait()

    def _afterwards(self) -> Iterator[None]:
        """The reporter's word, and what follows from it."""
        number, reporter = self._told.number, self._told.reporter
        for _ in range(4 if self._stubborn else 2):
            says = self._random.random()
            if not self._stubborn and says < 0.5:
                return
            yield from self._wait()
            if not self._stubborn and says < 0.8:
                self._act("评价", reporter, f"评价 {number} 满意")
                return
            self._act("重办", reporter, f"评价 {number} 未解决 还是老样子")
            yield from self._wait()
            who = contact(self._unit) if self._unit else self._told.branch.secretary
            self._act("办结", who, f"办结 {number} 又弄了一遍")

    def _send(self, action: str) -> None:
        self._unit = self._random.choice([unit for unit in UNITS if unit != self._unit])
        secretary = self._told.branch.secretary
        self._act(action, secretary, f"{action} {self._told.number} {self._unit}", unit=self._unit)

    def _act_suspend(self, who: str) -> None:
        until = day_of(self._now) + timedelta(days=self._random.randint(1, 9))
        text = f"挂账 {self._told.number} {until.month}月{until.day}号 等配件"
        self._act("挂账", who, text, until=until)

    def _act(self, action: str, who: str, text: str, unit: str = "", until: date | None = None) -> None:
        self._told.acts.append(Act(self._now, action, who, text, unit, until))

    def _wait(self, *, slow: bool = False) -> Iterator[None]:
        """In good time, late, very late, or for ever."""
        drawn = self._random.random()
        if drawn < 0.05:
            self._left_alone = True
        longest = 100 if drawn < 0.6 else 1200 if drawn < 0.85 else 8000
        minutes = self._random.randint(7, 12000 if slow else longest)
        self._now += max(minutes * timedelta(minutes=1) // STEP, 1) * STEP
        yield
