"""Reports in several messages: what belongs together becomes one case, and nothing else does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from bot.content import load
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage, Pending
from bot.router import Router
from models.cases import Case, CaseKind
from models.corrections import Corrected, Correction
from models.database import Database
from models.downloads import Download, DownloadState
from models.drafts import OPEN_FOR, OPEN_FOR_OVERHEARD, Draft
from models.inbox import Claim
from models.outbox import Post as OutboxPost
from models.people import Post
from schedules import draft_close
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, said
from tests.unit.talk import message_of
from tests.unit.understood import understanding

GROUP = "oc_branch"


class Riders:
    """A branch with a group, whose people write as they like."""

    def __init__(self, database: Database, clock: StandingClock) -> None:
        self.database = database
        self.clock = clock
        self._seen = 0

    def send(self, *messages: IncomingMessage) -> list[tuple[str, str]]:
        """In one transaction, by a server that was started just now; returns what the bot says."""
        GroupCommitIntake(self.database, Router(understanding()), self.clock, ROADS).process(messages)
        return self.answers()

    def say(self, who: str, text: str = "", chat: str = "", **more: Any) -> list[tuple[str, str]]:
        return self.send(self.message(who, text, chat, **more))

    def photo(self, who: str, name: str, chat: str = "", **more: Any) -> list[tuple[str, str]]:
        return self.say(who, chat=chat, photos=(name,), **more)

    def message(self, who: str, text: str = "", chat: str = "", **more: Any) -> IncomingMessage:
        return message_of(who, text, chat, self.clock(), **more)

    def later(self, time: timedelta) -> list[tuple[str, str]]:
        """What the bot says by itself meanwhile."""
        self.clock.move_to(self.clock() + time)
        run_due(self.database, self.clock(), ROADS, [draft_close.JOB])
        return self.answers()

    def answers(self) -> list[tuple[str, str]]:
        with self.database.read() as session:
            rows = list(session.scalars(select(OutboxPost).where(OutboxPost.id > self._seen).order_by(OutboxPost.id)))
        self._seen = max((row.id for row in rows), default=self._seen)
        return [(row.target.removeprefix("ou_"), said(load(row.content))) for row in rows]

    def cases(self) -> list[Case]:
        with self.database.read() as session:
            return list(session.scalars(select(Case).order_by(Case.number)))

    def drafts(self) -> list[Draft]:
        with self.database.read() as session:
            return list(session.scalars(select(Draft).order_by(Draft.id)))


@pytest.fixture
def riders(database: Database, clock: StandingClock) -> Riders:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        city.person(branch, "王书记", Post.SECRETARY)
        for name in ("小李", "小张", "小赵"):
            city.person(branch, name)
        city.chat(branch, GROUP)
    return Riders(database, clock)


@contextmanager
def selects(database: Database, table: str) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if f"FROM {table}" in statement.replace("\n", " "):
            found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_photos_a_location_and_words_in_one_batch_are_one_hazard(riders: Riders) -> None:
    answers = riders.send(
        *(riders.message("小李", photos=(name,)) for name in ("a.jpg", "b.jpg", "c.jpg")),
        riders.message("小李", place="幸福里东门", latitude=36.06, longitude=103.83),
        riders.message("小李", "井盖没了"),
    )
    (case,) = riders.cases()
    assert (case.photos, case.place, case.text) == (["a.jpg", "b.jpg", "c.jpg"], "幸福里东门", "井盖没了")
    assert (case.latitude, case.longitude) == (36.06, 103.83)
    questions = [text for who, text in answers if who == "小李" and "？" in text]
    assert questions == ["照片收到了。哪里、怎么了？说一句就行，比如「东门井盖没了」。"]


def test_a_draft_outlives_the_server(riders: Riders) -> None:
    riders.photo("小李", "a.jpg")
    riders.later(timedelta(minutes=29))
    riders.say("小李", "东门井盖没了")
    (case,) = riders.cases()
    assert case.photos == ["a.jpg"]
    assert riders.later(timedelta(hours=1)) == []


def test_words_then_three_photos_then_a_location(riders: Riders) -> None:
    riders.say("小李", "东门井盖没了")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        riders.photo("小李", name)
    riders.say("小李", place="幸福里小区", latitude=36.06, longitude=103.83)
    (case,) = riders.cases()
    assert case.photos == ["a.jpg", "b.jpg", "c.jpg"]
    assert (case.place, case.latitude) == ("东门", 36.06)


def test_what_is_overheard_is_dropped_in_silence(riders: Riders) -> None:
    assert riders.photo("小李", "lunch.jpg", GROUP) == []
    assert riders.later(OPEN_FOR_OVERHEARD) == []
    assert [draft.closed_at is not None for draft in riders.drafts()] == [True]
    riders.say("小李", "东门井盖没了", GROUP)
    assert riders.cases()[0].photos == []


def _shown(riders: Riders, name: str) -> list[DownloadState]:
    """Somebody shows a photo in the group; what becomes of it while nothing else is said."""
    riders.photo("小李", name, GROUP, pending=(Pending(name, "image_key"),))
    return _downloads(riders)


def _downloads(riders: Riders) -> list[DownloadState]:
    with riders.database.read() as session:
        return list(session.scalars(select(Download.state).order_by(Download.id)))


def test_what_people_show_each_other_is_not_fetched(riders: Riders) -> None:
    assert _shown(riders, "lunch.jpg") == [DownloadState.ASIDE]
    riders.later(OPEN_FOR_OVERHEARD)
    assert _downloads(riders) == []


def test_what_people_show_each_other_is_fetched_once_it_is_a_hazard(riders: Riders) -> None:
    _shown(riders, "hole.jpg")
    riders.say("小李", "东门井盖没了", GROUP)
    assert _downloads(riders) == [DownloadState.WAITING]
    assert riders.cases()[0].photos == ["hole.jpg"]


def test_what_people_show_each_other_is_fetched_once_the_bot_is_called(riders: Riders) -> None:
    _shown(riders, "a.jpg")
    riders.photo("小李", "b.jpg", GROUP, addressed=True, pending=(Pending("b.jpg", "image_key"),))
    assert _downloads(riders) == [DownloadState.WAITING] * 2


def test_what_a_report_with_a_photo_of_its_own_leaves_aside_is_never_fetched(riders: Riders) -> None:
    _shown(riders, "lunch.jpg")
    riders.say("小李", "东门井盖没了", GROUP, photos=("hole.jpg",), pending=(Pending("hole.jpg", "image_key"),))
    assert _downloads(riders) == [DownloadState.WAITING]
    assert riders.cases()[0].photos == ["hole.jpg"]


def test_a_draft_is_over_at_its_time_though_no_job_has_run(riders: Riders, clock: StandingClock) -> None:
    riders.photo("小李", "a.jpg")
    clock.move_to(clock() + OPEN_FOR)
    riders.say("小李", "东门井盖没了")
    assert riders.cases()[0].photos == []


def test_a_photo_that_nobody_explains_is_closed_with_one_word(riders: Riders) -> None:
    riders.photo("小李", "a.jpg")
    assert riders.later(OPEN_FOR - timedelta(seconds=1)) == []
    ((who, told),) = riders.later(timedelta(seconds=1))
    assert (who, told.startswith("刚才的照片没等到说明")) == ("小李", True)
    assert riders.later(timedelta(days=1)) == []
    assert riders.cases() == []


def test_a_photo_sent_to_the_bot_ends_the_listening(riders: Riders) -> None:
    riders.photo("小李", "a.jpg", GROUP)
    ((who, asked),) = riders.photo("小李", "b.jpg", GROUP, addressed=True)
    assert (who, asked.startswith("照片收到了。")) == ("小李", True)
    assert riders.later(OPEN_FOR_OVERHEARD) == []
    riders.say("小李", "东门井盖没了", GROUP)
    assert riders.cases()[0].photos == ["a.jpg", "b.jpg"]


def test_photos_belong_to_their_sender_and_chat(riders: Riders) -> None:
    riders.photo("小李", "a.jpg", GROUP)
    riders.photo("小李", "b.jpg")
    riders.say("小张", "东门井盖没了", GROUP)
    riders.say("小李", "西门垃圾桶满了", GROUP)
    assert [case.photos for case in riders.cases()] == [[], ["a.jpg"]]


def test_an_appeal_takes_private_photos_alone(riders: Riders) -> None:
    riders.photo("小李", "group.jpg", GROUP)
    riders.photo("小李", "private.jpg")
    riders.say("小李", "诉求 站点扣了我三百块", GROUP)
    riders.say("小李", "诉求 站点还少发两天工资")
    assert [(case.kind, case.photos) for case in riders.cases()] == [
        (CaseKind.APPEAL, []),
        (CaseKind.APPEAL, ["private.jpg"]),
    ]


def test_lunch_does_not_join_a_report_with_photos_of_its_own(riders: Riders) -> None:
    riders.photo("小李", "lunch.jpg", GROUP)
    riders.say("小李", "东门井盖没了", GROUP, photos=("hole.jpg",))
    riders.say("小李", "西门垃圾桶满了", GROUP)
    assert [case.photos for case in riders.cases()] == [["hole.jpg"], []]


def test_what_was_asked_in_private_may_be_answered_there(riders: Riders) -> None:
    ((whom, _question),) = riders.photo("小李", "a.jpg", GROUP, addressed=True)
    assert whom == "小李"
    riders.photo("小李", "b.jpg")
    riders.say("小李", "北门墙皮一直往下掉")
    assert [case.photos for case in riders.cases()] == [["a.jpg", "b.jpg"]]
    assert riders.later(OPEN_FOR) == [], "nobody hears that nothing was registered"


def test_what_a_group_was_shown_joins_no_appeal_in_private(riders: Riders) -> None:
    riders.photo("小李", "group.jpg", GROUP, addressed=True)
    riders.say("小李", "诉求 站点扣了我三百块")
    assert [(case.kind, case.photos) for case in riders.cases()] == [(CaseKind.APPEAL, [])]


def test_what_a_group_overheard_is_nothing_in_private(riders: Riders) -> None:
    riders.photo("小李", "lunch.jpg", GROUP)
    riders.say("小李", "东门井盖没了")
    assert riders.cases()[0].photos == []


def test_whom_nobody_knows_is_asked_where_the_answer_will_count(riders: Riders) -> None:
    ((where, _question),) = riders.photo("路人甲", "a.jpg", GROUP, addressed=True)
    assert where == GROUP
    riders.say("路人甲", "东门井盖没了", GROUP)
    assert riders.cases()[0].photos == ["a.jpg"]


def test_a_photo_after_another_report_is_not_of_the_one_that_waits_for_plus_one(riders: Riders) -> None:
    riders.say("小张", "幸福里东门井盖没了", GROUP)
    riders.say("小李", "幸福里东门井盖没了", GROUP)
    riders.say("小李", "西门垃圾桶满了", GROUP)
    riders.photo("小李", "a.jpg", GROUP)
    assert [(case.number, case.photos) for case in riders.cases()] == [(1001, []), (1002, ["a.jpg"])]
    assert riders.drafts()[0].photos == []


def test_numbers_among_people_are_of_other_things(riders: Riders) -> None:
    riders.say("小李", "东门井盖没了", GROUP)
    for who in ("小李", "王书记"):
        for text in (
            "100 +1",
            "补充2瓶水",
            "撤回 2 条消息",
            "加急 30号",
            "挂账300块",
            "手机屏幕换好了 500",
            "问：25岁怎么选",
        ):
            assert riders.say(who, text, GROUP) == [], text
    assert riders.say("小李", "补充2瓶水") == [("小李", "没有找到 2，请看看编号是不是打错了。")]


@pytest.mark.parametrize("text", ["好的", "👌", "1", "怎么发？", "在吗", "。。。"])
def test_what_describes_nothing_is_no_hazard(riders: Riders, text: str) -> None:
    riders.photo("小李", "a.jpg")
    riders.say("小李", text)
    assert riders.cases() == []
    riders.say("小李", "就这个，你们看看")
    assert [(case.text, case.photos) for case in riders.cases()] == [("就这个，你们看看", ["a.jpg"])]


def test_who_shows_a_photo_and_calls_the_bot_is_heard(riders: Riders) -> None:
    riders.photo("小李", "a.jpg", GROUP)
    riders.say("小李", "在吗", GROUP, addressed=True)
    assert riders.cases() == []
    riders.say("小李", "就在幸福里东门", GROUP, addressed=True)
    assert [(case.place, case.photos) for case in riders.cases()] == [("幸福里东门", ["a.jpg"])]


@pytest.mark.parametrize(("chat", "answered"), [("", True), (GROUP, False)])
def test_the_hazard_goes_on_without_its_place(riders: Riders, chat: str, answered: bool) -> None:
    riders.say("小李", "井盖没了", chat)
    answers = riders.say("小李", "算了", chat)
    assert [text for _who, text in answers] == (["好，1001 照样办。"] if answered else [])
    riders.say("小李", "东门", chat)
    assert riders.cases()[0].place == ""


def test_nine_photos_are_enough(riders: Riders) -> None:
    for number in range(12):
        riders.photo("小李", f"{number}.jpg")
    riders.say("小李", "东门井盖没了", photos=("last.jpg",))
    assert riders.cases()[0].photos == [f"{number}.jpg" for number in range(9)]


def test_life_in_danger_waits_for_nothing(riders: Riders) -> None:
    riders.say("小张", "3号楼着火了", GROUP)
    riders.photo("小李", "a.jpg", GROUP)
    answers = dict(riders.say("小李", "3号楼着火了", GROUP))
    assert answers[GROUP].startswith("⚠️ 紧急请拨 119")
    assert [(case.urgent, case.photos) for case in riders.cases()] == [(True, []), (True, ["a.jpg"])]


@pytest.mark.parametrize(
    ("text", "urgent"),
    [
        ("东门井盖没了，很急", True),
        ("紧急！东门井盖没了", True),
        ("东门井盖没了，不是很急", False),
        ("东门井盖没了，不急", False),
        ("随手拍 东门紧急出口的门坏了", False),
        ("东门井盖没了", False),
    ],
)
def test_who_says_that_it_is_urgent_is_believed(riders: Riders, text: str, urgent: bool) -> None:
    riders.say("小李", text)
    assert [case.urgent for case in riders.cases()] == [urgent]


def test_the_place_that_was_asked_for_is_filled_in(riders: Riders) -> None:
    asked = dict(riders.say("小李", "井盖没了，快来修", GROUP))
    assert "在哪儿？" in asked[GROUP]
    assert riders.say("小李", "今天真冷", GROUP) == []
    assert riders.say("小张", "东门", GROUP) == []
    answers = dict(riders.say("小李", "就在三号楼二单元那儿", GROUP))
    assert answers == {GROUP: "已补上地点：三号楼二单元（1001）", "王书记": "1001 的地点：三号楼二单元"}
    assert riders.cases()[0].place == "三号楼二单元"
    assert riders.say("小李", "西门", GROUP) == []


def test_the_last_place_is_known_for_ninety_days(riders: Riders) -> None:
    riders.say("小李", "井盖没了", place="幸福里东门", latitude=36.06, longitude=103.83)
    riders.later(timedelta(days=89))
    riders.say("小李", "还是上次那个地方，路灯不亮了")
    riders.later(timedelta(days=91))
    asked = dict(riders.say("小李", "老地方垃圾桶满了"))
    assert [(case.place, case.latitude) for case in riders.cases()] == [
        ("幸福里东门", 36.06),
        ("幸福里东门", 36.06),
        ("", None),
    ]
    assert "在哪儿？" in asked["小李"]


def test_a_location_without_a_name_is_kept_by_its_degrees(riders: Riders) -> None:
    riders.say("小李", latitude=36.061234, longitude=103.834567)
    riders.say("小李", "井盖没了")
    assert riders.cases()[0].place == "北纬 36.06123 东经 103.83457"


def test_chatter_costs_one_question_to_the_database_and_is_not_kept(riders: Riders) -> None:
    riders.photo("小张", "lunch.jpg", GROUP)
    chatter = [
        riders.message("小李", "今天真冷", GROUP),
        *(riders.message("小张", "冻死了", GROUP) for _n in range(50)),
    ]
    with selects(riders.database, "drafts") as asked:
        assert riders.send(*chatter) == []
    assert len(asked) == 1
    with riders.database.read() as session:
        assert [claim.intent for claim in session.scalars(select(Claim))] == ["photo_alone"]


def test_corrections_are_kept_by_whoever_is_part_of_the_case(riders: Riders) -> None:
    riders.say("小李", "东门有辆车停在盲道上")
    riders.say("小李", "改类别 1001 交通")
    riders.say("王书记", "1001 很急")
    riders.say("小张", "1001 不急")
    riders.say("小张", "改类别 1001 治安")
    (case,) = riders.cases()
    assert (case.category, case.urgent) == ("道路交通", True)
    with riders.database.read() as session:
        kept = [(one.what, one.before, one.after) for one in session.scalars(select(Correction))]
    assert kept == [(Corrected.CATEGORY, "违停占道", "道路交通"), (Corrected.URGENCY, "不急", "急")]


def test_what_is_at_an_end_is_urgent_no_more(riders: Riders) -> None:
    riders.say("小李", "东门井盖没了", GROUP)
    riders.say("王书记", "办结 1001 盖上了", GROUP)
    ((whom, text),) = riders.say("小李", "1001 很急", GROUP)
    assert (whom, text) == ("小李", "1001（东门）现在是「已办结」，急不急都不用改了。想看经过，发「进度 1001」。")
    assert not riders.cases()[0].urgent


def test_nobody_else_learns_of_an_appeal_by_correcting_it(riders: Riders) -> None:
    riders.say("小李", "诉求 站点扣了我三百块")
    unknown = riders.say("小张", "改类别 1002 考核处罚")
    assert riders.say("小张", "改类别 1001 考核处罚") == [(who, text.replace("1002", "1001")) for who, text in unknown]
    ((who, told), *_more) = riders.say("小李", "改类别 1001 考核处罚", GROUP)
    assert (who, "考核处罚" in told) == ("王书记", True)
    assert GROUP not in dict(riders.answers())
    assert riders.cases()[0].category == "考核处罚"


@pytest.mark.parametrize("text", ["不是", "不对", "对的", "是的"])
def test_a_yes_or_a_no_is_not_what_is_wrong_with_a_photo(riders: Riders, text: str) -> None:
    riders.photo("小李", "door.jpg")
    riders.say("小李", text)
    assert riders.cases() == []
    riders.say("小李", "东门井盖没了")
    assert [case.photos for case in riders.cases()] == [["door.jpg"]]
