"""The city of the year: 3 党委, 86 branches, 1,506 members, as one seed makes them. It knows nothing of the product."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from random import Random

from tests.year.days import day_of, moment

COMMITTEE, BRANCH, GROUP = "党委", "党支部", "党小组"
FULL, PROBATIONARY, PROSPECT, ACTIVIST, MASSES = "正式党员", "预备党员", "发展对象", "入党积极分子", "群众"
SECRETARY, DEPUTY, LEADER = "书记", "副书记", "组长"
COMMITTEE_POSTS = (SECRETARY, DEPUTY, "组织委员", "宣传委员", "纪检委员")
FOUNDED = moment(date(2025, 12, 20), 8)
"""When all were made that are there at the beginning of the year."""
HEADER = "组织,组织类型,姓名,手机,身份,职务,职业,流动,流出地党组织,feishu"

_SURNAMES = "赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜"
_GIVEN = ("建国志明海文春晓", "伟强军华平丽敏辉")
_TRADES = (("外卖", 36), ("快递", 28), ("网约车", 14), ("货车", 8))
_SITES = tuple(
    a + b
    for a, b in itertools.product("东西南北中新旧上下", ("岗", "湖", "桥", "塘", "岭", "湾", "坪", "屯", "坝", "庄"))
)


@dataclass(eq=False, slots=True)
class Org:
    """An organisation and those who belong directly to it."""

    name: str
    kind: str
    parent: "Org | None"
    trade: str
    founded_at: datetime
    chat: str
    """The group tied to it; empty: it has none of its own."""
    members: list["Member"] = field(default_factory=list)
    below: list["Org"] = field(default_factory=list)

    @property
    def path(self) -> str:
        """From the top, as the roster writes it."""
        return f"{self.parent.path}/{self.name}" if self.parent else self.name

    @property
    def groups(self) -> "list[Org]":
        """The 党小组 of a branch."""
        return [org for org in self.below if org.kind == GROUP]

    def everyone(self) -> "Iterator[Member]":
        """Who ever belonged to it or to what is below it."""
        yield from self.members
        for org in self.below:
            yield from org.everyone()

    def holders(self, *posts: str) -> "list[Member]":
        """Who holds one of these posts of its own, in the order of the posts."""
        return [member for post in posts for member in self.members if member.post == post]

    @property
    def secretary(self) -> "Member":
        """Who runs it by chat."""
        return next(member for member in self.holders(SECRETARY, DEPUTY, "组织委员", LEADER) if member.bound)


@dataclass(eq=False, slots=True)
class Member:
    """A person. ``zeal`` is how likely the person is to come."""

    number: int
    name: str
    org: Org
    status: str
    post: str
    zeal: float
    joined_at: datetime
    left_on: date | None = None
    bound: bool = True
    """Whether there is an account on which the person can be told something."""

    @property
    def ref(self) -> str:
        """The person's id on the platform."""
        return f"ou_{self.number}"

    def belongs(self, when: datetime) -> bool:
        """Whether the person was one of the organisation then."""
        return self.joined_at <= when and (self.left_on is None or day_of(when) < self.left_on)

    def row(self) -> str:
        """The person's row of the roster."""
        post, ref = self.post, self.ref if self.bound else ""
        phone = f"139{self.number:08}"
        return f"{self.org.path},{self.org.kind},{self.name},{phone},{self.status},{post},{self.org.trade},否,,{ref}"


class Town:
    """All organisations and people, those of later months among them."""

    def __init__(self, seed: int, branches: int = 86, people: int = 1506) -> None:
        self.random = Random(seed)
        self._names = self._draw_names()
        self._numbers = itertools.count(1)
        self.members: list[Member] = []
        self.committees: list[Org] = []
        self.branches: list[Org] = []
        self._found(branches)
        self._settle(people)
        self.by_ref = {member.ref: member for member in self.everyone()}

    def everyone(self) -> Iterator[Member]:
        """Members of the branches, and who sits in the 党委."""
        return itertools.chain.from_iterable(committee.everyone() for committee in self.committees)

    def orgs(self) -> Iterator[Org]:
        """All organisations, those above before those below."""
        for committee in self.committees:
            yield committee
            for branch in committee.below:
                yield branch
                yield from branch.groups

    def write_roster(self, path: Path, members: Iterable[Member]) -> None:
        """The rows of these people."""
        path.write_text("\n".join([HEADER, *(member.row() for member in members)]), encoding="utf-8")

    def add(self, org: Org, status: str, post: str = "", joined_at: datetime | None = None) -> Member:
        """One more person."""
        number = next(self._numbers)
        member = Member(
            number,
            self._names.pop(),
            org,
            status,
            post,
            zeal=0.7 + 0.3 * self.random.random(),
            joined_at=max(joined_at or FOUNDED, org.founded_at),
        )
        org.members.append(member)
        return member

    def _draw_names(self) -> list[str]:
        names = [surname + a + b for surname in _SURNAMES for a in _GIVEN[0] for b in _GIVEN[1]]
        self.random.shuffle(names)
        return names

    def _found(self, branches: int) -> None:
        sites = list(_SITES)
        total = sum(count for _, count in _TRADES)
        trades = [trade for trade, count in _TRADES for _ in range(count)]
        for number in range(branches):
            trade = trades[number * total // branches]
            committee = self._committee(trade)
            branch = Org(f"{sites[number]}{trade}流动党支部", BRANCH, committee, trade, FOUNDED, f"oc_{number}")
            committee.below.append(branch)
            self.branches.append(branch)
        if branches > len(_LATER):
            for branch, founded_at in zip(self.branches[-len(_LATER) :], _LATER, strict=True):
                branch.founded_at = founded_at

    def _committee(self, trade: str) -> Org:
        trade = "出行" if trade in ("网约车", "货车") else trade
        name = f"测试市{trade}行业党委"
        for committee in self.committees:
            if committee.name == name:
                return committee
        committee = Org(name, COMMITTEE, None, "其他", FOUNDED, f"oc_committee{len(self.committees)}")
        self.committees.append(committee)
        self.add(committee, FULL, SECRETARY)
        self.add(committee, FULL, "组织员")
        return committee

    def _settle(self, people: int) -> None:
        """Everybody gets a branch; every fourth branch has two 党小组, every other pair of these a group chat each."""
        for number, branch in enumerate(self.branches):
            self._lead(branch, number)
            if number % 4 == 1:
                self._divide(branch, chats=number % 8 == 1)
        settled = sum(len(list(branch.everyone())) for branch in self.branches)
        weights = [2 + self.random.random() * 4 for _ in self.branches]
        for branch in self.random.choices(self.branches, weights, k=people - settled):
            home = self.random.choice([branch, *branch.groups, *branch.groups])
            later = self.random.choice(_JOINING) if self.random.random() < 0.03 else FOUNDED
            self.add(home, self._status(), joined_at=later)
        self.members = [member for branch in self.branches for member in branch.everyone()]

    def _status(self) -> str:
        return self.random.choices([FULL, PROBATIONARY, PROSPECT, ACTIVIST, MASSES], [52, 10, 8, 14, 16])[0]

    def _lead(self, branch: Org, number: int) -> None:
        for post in COMMITTEE_POSTS[: 1 + number % 5]:
            self.add(branch, FULL, post)
        silent = {11: 1, 12: 2}.get(number % 20, 0)  # where the deputy runs it, and where neither can be told anything
        for member in branch.members[:silent]:
            member.bound = False

    def _divide(self, branch: Org, *, chats: bool) -> None:
        for place, label in enumerate(("一组", "二组")):
            chat = f"{branch.chat}_{place}" if chats else ""
            group = Org(branch.name.replace("流动党支部", label), GROUP, branch, branch.trade, branch.founded_at, chat)
            branch.below.append(group)
            self.add(group, FULL, LEADER)


_JOINING = tuple(moment(date(2026, month, day), 12, 5) for month, day in ((1, 20), (3, 31), (4, 1), (6, 8), (9, 14)))
"""When new members come."""
_LATER = (
    moment(date(2026, 2, 1), 21),  # on the first day of a month: it counts, the quarter does not
    moment(date(2026, 3, 2), 7),
    moment(date(2026, 7, 1), 22),  # on the first day of a quarter
    moment(date(2026, 10, 15), 7),
)
"""When the last four branches were founded."""
