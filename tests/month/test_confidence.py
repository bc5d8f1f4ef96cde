"""Confidence, on a real server: a hundred appeals live their whole lives, and no group post, log line, metric or public
page shows a word of one, a name beside one, or a category that few of them have."""

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from bot.clock import local
from bot.understanding.categories import OTHER
from models.cases import Case, CaseKind, CaseState, CaseStep
from models.database import Database
from models.escalations import Escalation, Rung
from models.inbox import Claim, Outcome
from models.outbox import Post, PostState
from models.people import Identity
from models.sealing import load_key, unlock
from tests.fakes.product import Product, running
from tests.fakes.serving import free_port

APPEALS = 100
FEW = 5
"""Of fewer appeals than this nobody may learn the category."""
GRAM = 4
"""Characters that nobody says by chance."""
SETTLED_WITHIN = 60.0
"""Seconds."""
KEY = "a-key-for-the-city-platform"
FIRST = ("青铜", "琥珀", "冰川", "榆木", "墨绿", "珊瑚", "紫檀", "银杏", "蓝釉", "霜白")
SECOND = ("鲸鱼", "风筝", "邮差", "钟楼", "灯塔", "罗盘", "木筏", "纸鹤", "铜镜", "竹哨")
CODES = ["".join(pair) for pair in itertools.product(FIRST, SECOND)]
"""Words that nobody else says: one for each appeal."""
COMMON = ("站点拖欠{}那份工资三个月了", "{}街的充电柜修了又坏", "顾客给{}差评害我被罚款")
RARE = ("孩子转学{}小学不肯收", "想请律师打{}这场官司", "腰疼去{}看病没钱", "{}学历想提升报不上名")
"""Each of these is the only one of its category, or nearly."""
TELLERS = ("小李", "小张", "小赵", "小郑", "小何", "小高", "小林")
GROUPS = ("branch", "organisation", "property")
PAGES = ("/", "/healthz", "/openapi.json", "/sandbox/state")
OPEN311 = "/open311/v2"


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that others than the appellant, the secretary and the unit get to see, and where."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must not be shown: what was said of the appeals, their numbers, who told them, categories of few."""

    grams: frozenset[str]
    numbers: frozenset[int]
    names: frozenset[str]
    categories: frozenset[str]

    def leaks(self, shown: Shown) -> list[str]:
        """What of it is there to be seen."""
        found = [gram for gram in grams(shown.text) if gram in self.grams]
        found += [category for category in self.categories if category in shown.text]
        if shown.where in GROUPS:
            said = {int(number) for number in re.findall(r"(?<!\d)\d{4,7}(?!\d)", shown.text)}
            found += [str(number) for number in self.numbers & said]
            lines = [line for line in shown.text.splitlines() if "诉求" in line or "匿名" in line]
            found += [name for line in lines for name in self.names if name in line]
        return found


def grams(text: str) -> set[str]:
    """Every run of four Chinese characters."""
    runs = re.findall(r"[\u4e00-\u9fff]+", text)
    return {run[start : start + GRAM] for run in runs for start in range(len(run) - GRAM + 1)}


class Town:
    """The people of the demonstration branch, who write on the sandbox of a served process."""

    def __init__(self, client: httpx.Client, database: Database) -> None:
        self.client = client
        self.database = database
        self.said: list[str] = []
        """Everything that belongs to an appeal."""
        self._ids = itertools.count(1)
        with database.read() as session:
            self.refs = {identity.person.name: identity.ref for identity in session.scalars(select(Identity))}

    def say(self, who: str, text: str, chat: str = "", *, secret: str = "") -> None:
        """In a group or, without one, in private. ``secret``: what of it nobody else may see."""
        self.said += [secret] if secret else []
        sender = self.refs[who]
        message = {"id": f"confidence-{next(self._ids)}", "sender": sender, "chat": chat or f"private:{sender}"}
        self.client.post("/sandbox/messages", json={**message, "text": text}).raise_for_status()

    def settle(self) -> None:
        """Returns once everything that is due has been said."""
        end = time.monotonic() + SETTLED_WITHIN
        waiting = select(func.count()).where(Post.state == PostState.WAITING)
        while time.monotonic() < end:
            with self.database.read() as session:
                if not session.scalar(waiting.where(Post.due_at <= self.now())):
                    return
            time.sleep(0.1)
        raise AssertionError("the outbox does not empty")

    def now(self) -> datetime:
        """By the clock of the sandbox."""
        return datetime.fromisoformat(self.client.get("/sandbox/state").json()["now"])

    def go_to(self, days: int, hour: int, minute: int = 0) -> None:
        """So many days on, at that time of day."""
        to = (local(self.now()) + timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0)
        self.client.post("/sandbox/clock", json={"to": to.isoformat()}).raise_for_status()

    def appeals(self) -> list[Case]:
        with self.database.read() as session:
            found = session.scalars(select(Case).where(Case.kind == CaseKind.APPEAL).order_by(Case.number))
            return list(found)

    def group(self, chat: str) -> Iterator[str]:
        """What the bot has said there."""
        bubbles: list[dict[str, Any]] = self.client.get("/sandbox/messages", params={"chat": chat}).json()["messages"]
        assert len(bubbles) < 500, "the page shows no more: what came before must be looked at too"
        return (strings(bubble["content"]) for bubble in bubbles if not bubble["sender"])


def strings(content: object) -> str:
    """All the words of a content, also those on its buttons."""
    if isinstance(content, dict):
        return "\n".join(strings(value) for key, value in content.items() if key != "kind")
    if isinstance(content, list | tuple):
        return "\n".join(map(strings, content))
    return content if isinstance(content, str) else ""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Product, Town]]:
    port = free_port()
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
[server]
port = {port}
[database]
url = "sqlite:///{tmp_path / "jufeng.db"}"
[bot]
data_dir = "{tmp_path / "data"}"
[[open311]]
name = "city"
key = "{KEY}"
organisation = "幸福里流动党支部"
""",
        encoding="utf-8",
    )
    with running(config, port) as product, httpx.Client(base_url=product.url, timeout=60) as client:
        unlock(load_key(tmp_path / "data" / "keys" / "master.key"))
        database = Database(f"sqlite:///{tmp_path / 'jufeng.db'}")
        yield product, Town(client, database)
        database.close()


def test_of_a_hundred_appeals_nobody_else_sees_a_word(served: tuple[Product, Town]) -> None:
    product, town = served
    town.go_to(days=7 - local(town.now()).weekday(), hour=10)
    live(town)
    secrets = secrets_of(town)
    everything = list(shown(product, town))
    assert_all_happened(town, everything)
    assert [(place.where, found) for place in everything if (found := secrets.leaks(place))] == []
    # The search finds what there is to find: the secretary lets one slip through the bot.
    town.say("王书记", f"通知 {town.said[0]}", "branch")
    assert any(secrets.leaks(place) for place in shown(product, town))


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("log", "INFO handlers.appeals: 站点拖欠青铜鲸鱼那份工资"),
        ("metrics", 'jufeng_cases{category="法律援助"} 1'),
        ("branch", "1001 已受理"),
        ("property", "诉求：小李"),
    ],
)
def test_the_search_can_fail(where: str, text: str) -> None:
    secrets = Secrets(
        frozenset(grams("站点拖欠青铜鲸鱼那份工资三个月了")),
        frozenset({1001}),
        frozenset({"小李"}),
        frozenset({"法律援助"}),
    )
    assert secrets.leaks(Shown(where, text))
    assert not secrets.leaks(Shown(where, "诉求：新收 4，办结 2，在办 1002 件"))


def live(town: Town) -> None:
    """Three weeks: appeals are told, worked on, left lying, asked about in groups, and put into digests."""
    hazards(town)
    tell(town, CODES[: APPEALS // 2])
    work_off(town, [case.number for case in town.appeals()])
    meeting(town, CODES[APPEALS // 2 : APPEALS // 2 + 10])
    town.go_to(days=0, hour=17, minute=45)  # 催办 and 督办 of what nobody has accepted
    town.go_to(days=1, hour=10)
    tell(town, CODES[APPEALS // 2 + 10 : APPEALS])
    ask_in_groups(town)
    town.go_to(days=3, hour=15, minute=30)  # the branch's digest on Friday
    town.go_to(days=3, hour=9, minute=30)  # the organisers' on Monday
    ask_in_groups(town)
    town.go_to(days=14, hour=16)  # what is left has gone up as far as it can
    ask_in_groups(town)


def hazards(town: Town) -> None:
    """Something for the groups to hear besides."""
    for who, text in (("小李", "东门井盖没了"), ("小张", "滨河路有大坑"), ("小赵", "西门护栏倒了")):
        town.say(who, f"隐患 {text}", "branch")
    town.say("王书记", "派单 1001 幸福里物业", "branch")


def tell(town: Town, codes: Sequence[str]) -> None:
    """Every third appeal is begun in the group, every fifth has no name; those of a rare kind come once."""
    for place, code in enumerate(codes):
        kinds = RARE if codes[0] == CODES[0] and place < len(RARE) else COMMON
        text = kinds[place % len(kinds)].format(code)
        opener = "匿名诉求" if place % 5 == 0 else "诉求"
        town.say(TELLERS[place % len(TELLERS)], f"{opener} {text}", "" if place % 3 else "branch", secret=text)


def work_off(town: Town, numbers: Sequence[int]) -> None:
    """Everything that can be done to an appeal is done to some, every other time in a group."""
    owners = {case.number: case.reporter_ref for case in town.appeals()}
    names = {ref: name for name, ref in town.refs.items()}
    for place, number in enumerate(numbers):
        who, chat = names[owners[number]], "branch" if place % 2 else ""
        steps = LIVES[place % len(LIVES)]
        for actor, text in steps:
            secret = f"{CODES[-1 - place]}的经过" if "{}" in text else ""
            group = "property" if chat and actor == "老陈" else chat
            town.say(who if actor == "own" else actor, text.format(secret, n=number), group, secret=secret)


LIVES: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        ("王书记", "受理 {n}"),
        ("王书记", "派单 {n} 幸福里物业"),
        ("老陈", "受理 {n}"),
        ("老陈", "办结 {n} {}"),
        ("own", "评价 {n} 满意"),
    ),
    (("王书记", "派单 {n} 幸福里物业"), ("老陈", "退单 {n} {}"), ("王书记", "派单 {n} 幸福里城管中队")),
    (("王书记", "办结 {n} {}"), ("own", "评价 {n} 未解决"), ("王书记", "办结 {n}"), ("own", "评价 {n} 基本满意")),
    (("王书记", "不受理 {n} {}"),),
    (("own", "补充 {n} {}"), ("王书记", "问 {n} {}是哪天？"), ("own", "进度 {n}")),
    (("own", "撤回 {n} {}"),),
    (("own", "匿名 {n}"), ("own", "直通 {n}"), ("刘书记", "进度 {n}")),
    (("王书记", "受理 {n}"), ("王书记", "挂账 {n} 10天后 {}"), ("own", "进度 {n}")),
    (),
    (),
)
"""Who does what, in turn. ``{}`` is something said about the appeal alone."""


def meeting(town: Town, codes: Sequence[str]) -> None:
    """A 恳谈会: half are told by the people themselves, half put down by the secretary."""
    town.say("王书记", "开课 恳谈会 冬天跑单", "branch")
    half = len(codes) // 2
    tell(town, codes[:half])
    lines = [f"{who} {COMMON[0].format(code)}" for who, code in zip(TELLERS, codes[half:], strict=False)]
    for code in codes[half:]:
        town.said.append(COMMON[0].format(code))
    town.say("王书记", "\n".join(["记诉求", *lines]))
    town.say("王书记", "结束签到", "branch")
    town.say("王书记", "恳谈会清单", "branch")


def ask_in_groups(town: Town) -> None:
    number = town.appeals()[0].number
    asked = (
        "待办",
        "更多",
        "周报",
        f"进度 {number}",
        "我报的",
        "更多",
        "恳谈会清单",
        "导出 诉求",
        "满意",
        "帮助",
        "统计",
    )
    for who, chat in (("王书记", "branch"), ("小李", "branch"), ("老陈", "property"), ("周组织员", "organisation")):
        for text in asked:
            town.say(who, f"@小蜂 {text}", chat)


def secrets_of(town: Town) -> Secrets:
    appeals = town.appeals()
    counted = Counter(case.category for case in appeals)
    return Secrets(
        grams=frozenset[str]().union(*map(grams, town.said)),
        numbers=frozenset(case.number for case in appeals),
        names=frozenset(TELLERS),
        categories=frozenset(category for category, count in counted.items() if count < FEW) - {OTHER},
    )


def shown(product: Product, town: Town) -> Iterator[Shown]:
    """Everything that others get to see."""
    town.settle()
    posts = [Shown(chat, text) for chat in GROUPS for text in town.group(chat)]
    yield from posts
    yield from (Shown("log", line) for line in product.log().splitlines())
    links = {link for post in posts for link in re.findall(r"https?://\S+", post.text)}
    requests = [f"{OPEN311}/services.json", f"{OPEN311}/requests.json"]
    requests += [f"{OPEN311}/requests/{case.number}.json" for case in town.appeals()]
    for address in (*PAGES, "/metrics", *links, *requests):
        yield Shown(address, town.client.get(address, follow_redirects=True).text)


def assert_all_happened(town: Town, everything: Sequence[Shown]) -> None:
    """Else there was nothing to be found."""
    with town.database.read() as session:
        assert not session.scalar(select(func.count()).where(Claim.outcome == Outcome.DEAD))
        of_appeals = select(Case.id).where(Case.kind == CaseKind.APPEAL)
        rungs = set(session.scalars(select(Escalation.rung).where(Escalation.case_id.in_(of_appeals))))
        states = set(session.scalars(select(CaseStep.after).where(CaseStep.case_id.in_(of_appeals))))
    appeals = town.appeals()
    assert len(appeals) == APPEALS
    assert len({case.text for case in appeals}) == APPEALS
    assert sum(case.anonymous for case in appeals) > APPEALS // 10
    assert sum(case.meeting_id is not None for case in appeals) >= 10
    assert set(Rung) == rungs
    assert {CaseState.DECLINED, CaseState.SUSPENDED, CaseState.RATED, CaseState.WITHDRAWN} <= states
    assert secrets_of(town).categories
    said = [place.text for place in everything if place.where in GROUPS]
    assert sum("诉求" in text for text in said) >= APPEALS // 4
    assert any(place.where.startswith(f"{OPEN311}/requests.json") and "东门" in place.text for place in everything)
    assert any("jufeng_messages_total" in place.text for place in everything)
    assert any("诉求：" in text for text in said), "no digest spoke of them"
