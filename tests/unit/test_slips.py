"""打错了，是12栋; 不是隐患，是诉求: who has just told it puts it right, and a group hears no more of it than needed."""

import pytest
from sqlalchemy import select, update

from bot.content import Card, load
from bot.posting import Address, Posting
from bot.reports.case_words import moved_card
from bot.understanding.intent import NONE, Intent
from models.cases import Action, Case, CaseKind, CaseState, CaseStep
from models.corrections import Corrected, Correction
from models.database import Database
from models.organisations import OrganisationKind
from models.outbox import Post as OutboxPost
from models.outbox import PostKind, PostState
from models.people import Post
from models.routes import Route
from tests.conftest import START, StandingClock
from tests.unit.city import ROADS, City, followers, said
from tests.unit.hearing import GROUP, Hearing

REPORT = "11栋楼下井盖没了"
PAY = "站点扣了我两百块"
WRONG_KIND = "不是隐患，是诉求"


def place(name: str) -> Intent:
    return Intent(NONE.name, 1.0, reply=False, where=name)


@pytest.fixture
def hearing(database: Database, clock: StandingClock) -> Hearing:
    with database.write.begin() as session:
        city = City(session)
        committee = city.organisation("党委", OrganisationKind.COMMITTEE)
        branch = city.branch("小李", "小张", parent=committee)
        unit = city.organisation("物业", OrganisationKind.UNIT, committee)
        city.chat(unit, "oc_unit")
        city.person(unit, "老陈", Post.CONTACT)
        rule = Route(
            organisation_id=branch.id,
            kind=CaseKind.HAZARD,
            category="环境卫生",
            unit_id=unit.id,
            set_by=None,
            set_at=START,
            message_id=1,
        )
        session.add(rule)
    return Hearing(
        database,
        clock,
        {
            REPORT: Intent("hazard_report", 0.9, reply=True, slots={"place": "11栋楼下"}, category="公共设施"),
            "垃圾没人管": Intent("hazard_report", 0.9, reply=True, slots={"place": "西门"}, category="环境卫生"),
            PAY: Intent("hazard_report", 0.9, reply=True, slots={"place": "站点"}, category="其他"),
            f"诉求 {REPORT}": Intent("appeal_file", 0.97, reply=True, slots={"text": REPORT}, category="其他"),
            f"隐患 {REPORT}": Intent("hazard_report", 0.97, reply=True, slots={"text": REPORT, "place": "11栋楼下"}),
            "附议 1001": Intent("second_case", 0.97, reply=True, slots={"case": 1001}),
            "受理 1001": Intent("accept_case", 0.97, reply=True, slots={"case": 1001}),
            "进度 1001": Intent("case_query", 0.97, reply=True, slots={"case": 1001}),
            "12栋": place("12栋"),
            "西门": place("西门"),
            WRONG_KIND: Intent("appeal_file", 0.96, reply=True, slots={"text": WRONG_KIND}),
        },
    )


def case_of(database: Database, number: int = 1001) -> Case:
    with database.read() as session:
        return session.scalars(select(Case).where(Case.number == number)).one()


@pytest.mark.parametrize(
    "text", ["打错了，是12栋", "地址错了 应该是12栋", "不对，是12栋", "不是11栋，是12栋", "1001 打错了，是12栋"]
)
@pytest.mark.parametrize("chat", ["", GROUP])
def test_a_place_is_put_right(hearing: Hearing, text: str, chat: str) -> None:
    hearing.say("小李", REPORT, GROUP)
    told = hearing.say("小李", text, chat)
    assert sorted(told) == sorted([("王书记", "1001 的地点改成：12栋"), (chat or "小李", "地点改成了：12栋（1001）")])
    assert case_of(hearing.database).place == "12栋"


@pytest.mark.parametrize(
    "text", ["打错了，是12栋", "不对，是西门", "写错了", WRONG_KIND, "是隐患不是诉求", "1001 不是隐患，是诉求"]
)
def test_silence_where_nothing_was_told(hearing: Hearing, text: str) -> None:
    assert hearing.say("小李", text, GROUP) == []
    hearing.say("小李", REPORT, GROUP)
    hearing.wait(24 * 60 + 1)
    kept = hearing.claims()
    if not text.startswith("1001"):
        assert hearing.say("小李", text, GROUP) == []
    assert hearing.say("小张", text, GROUP) == []
    assert hearing.claims() == kept


def test_what_names_no_place_is_silent(hearing: Hearing) -> None:
    hearing.say("小李", REPORT, GROUP)
    for text in ("打错了，是收到", "不是我，是小张", "不对", "打错了吗"):
        assert hearing.say("小李", text, GROUP) == []


def test_in_passing_only_what_was_said_last_is_meant(hearing: Hearing) -> None:
    hearing.say("小李", REPORT, GROUP)
    hearing.wait(6)
    assert hearing.say("小李", "不对，是西门", GROUP) == []
    assert hearing.say("小李", "写错了", GROUP) == []
    assert hearing.say("小李", "打错了，是西门", GROUP) != []


def test_who_says_so_of_a_number_is_not_taken_for_somebody_who_rates(hearing: Hearing) -> None:
    """1001 打错了，是西门 looks like 1001 没修好."""
    text = "1001 打错了，是西门"
    hearing.meanings[text] = Intent("case_feedback", 0.85, reply=True, slots={"case": 1001, "text": text})
    hearing.say("小李", REPORT, GROUP)
    assert dict(hearing.say("小李", text))["小李"] == "地点改成了：西门（1001）"


def test_something_is_wrong_and_the_bot_asks_what_in_private(hearing: Hearing) -> None:
    hearing.say("小李", REPORT, GROUP)
    ((who, told),) = hearing.say("小李", "写错了", GROUP)
    assert (who, told.splitlines()[0]) == ("小李", "1001（11栋楼下）哪里不对？")
    assert "1001 改成诉求了" in hearing.press("小李", WRONG_KIND)


@pytest.mark.parametrize("chat", ["", GROUP])
def test_a_hazard_becomes_an_appeal(hearing: Hearing, chat: str) -> None:
    hearing.say("小李", PAY, GROUP)
    hearing.say("小张", "附议 1001", GROUP)
    told = dict(hearing.say("小李", WRONG_KIND, chat))
    assert set(told) == {"小李", "王书记", "小张"}
    assert told["小李"].splitlines()[:2] == [
        "🔒 1001 改成诉求了（劳动报酬），已经私下告诉书记，群里再也查不到。",
        "你在群里说的那句，群里的人看得到，想收回请现在撤回；后面都在这里说。",
    ]
    assert told["小张"] == "1001（站点）报的人撤回了，不再办了。要是还在，请再报一次。"
    case = case_of(hearing.database)
    assert (case.kind, case.state, case.category, case.chat_id) == (
        CaseKind.APPEAL,
        CaseState.COLLECTED,
        "劳动报酬",
        None,
    )
    assert followers(hearing.database) == []
    assert hearing.say("小张", "进度 1001", GROUP) == [("小张", "没有找到 1001，请看看编号是不是打错了。")]
    with hearing.database.read() as session:
        (correction,) = session.scalars(select(Correction))
        assert (correction.what, correction.before, correction.after) == (Corrected.KIND, "隐患", "诉求")


def sent(database: Database) -> None:
    with database.write.begin() as session:
        session.execute(update(OutboxPost).values(state=PostState.SENT))


def test_its_card_in_the_group_says_nothing_any_more(hearing: Hearing) -> None:
    hearing.say("小李", PAY, GROUP)
    sent(hearing.database)
    hearing.say("小李", WRONG_KIND)
    with hearing.database.read() as session:
        (card,) = session.scalars(
            select(OutboxPost).where(OutboxPost.target == GROUP, OutboxPost.kind == PostKind.POST)
        )
        (change,) = session.scalars(select(OutboxPost).where(OutboxPost.kind == PostKind.UPDATE))
        assert change.updates == card.uuid
        assert moved_card(session, case_of(hearing.database).id) == Card("1001 不在群里办了。")


def in_groups(database: Database) -> dict[str, PostState]:
    """What becomes of each post to a group, by its first line."""
    with database.read() as session:
        posts = session.scalars(select(OutboxPost).where(OutboxPost.to_person.is_(False)).order_by(OutboxPost.id))
        return {said(load(post.content)).splitlines()[0]: post.state for post in posts if post.kind is PostKind.POST}


@pytest.mark.parametrize("state", [PostState.WAITING, PostState.HELD])
def test_what_a_group_has_not_got_yet_it_never_gets(hearing: Hearing, state: PostState) -> None:
    hearing.say("小李", "垃圾没人管", GROUP)
    with hearing.database.write.begin() as session:
        session.execute(update(OutboxPost).values(state=state))
    hearing.say("小李", WRONG_KIND)
    assert in_groups(hearing.database) == {
        "📮 新派单 1001": PostState.DROPPED,
        "📍 已登记隐患 1001": PostState.DROPPED,
        "@老陈 1001（西门）报的人说不是隐患，收回了，不用您这边办了。": PostState.WAITING,
    }


def test_nor_what_the_same_batch_has_said(hearing: Hearing) -> None:
    hearing.all([("小李", PAY, GROUP), ("小李", WRONG_KIND, "")])
    assert in_groups(hearing.database) == {"📍 已登记隐患 1001": PostState.DROPPED}


def test_a_card_with_a_longer_number_stays(hearing: Hearing) -> None:
    hearing.say("小李", PAY, GROUP)
    with hearing.database.write.begin() as session:
        posting = Posting(session, hearing.clock(), ROADS)
        posting.post(Address("feishu", "main", GROUP, to_person=False), Card("缴费 21001 元"), message_id=1)
        posting.write()
    sent(hearing.database)
    hearing.say("小李", WRONG_KIND)
    with hearing.database.read() as session:
        assert len(list(session.scalars(select(OutboxPost).where(OutboxPost.kind == PostKind.UPDATE)))) == 1


def test_who_makes_an_appeal_public_hears_that_its_photos_are_too(hearing: Hearing) -> None:
    hearing.say("小李", f"诉求 {REPORT}")
    assert "责任单位看得到原话。" in dict(hearing.say("小李", "是隐患不是诉求"))["小李"]
    with hearing.database.write.begin() as session:
        session.scalars(select(Case)).one().photos = [f"{0:032x}.jpg"]
    assert "责任单位看得到原话和照片。" in dict(hearing.say("小李", "是隐患不是诉求"))["小李"]


def test_the_unit_that_has_not_begun_gives_it_back(hearing: Hearing) -> None:
    hearing.say("小李", "垃圾没人管", GROUP)
    told = dict(hearing.say("小李", WRONG_KIND))
    assert told["oc_unit"] == "@老陈 1001（西门）报的人说不是隐患，收回了，不用您这边办了。"
    case = case_of(hearing.database)
    assert (case.unit_id, case.state) == (None, CaseState.ACCEPTED)
    assert dict(hearing.say("老陈", "受理 1001", "oc_unit")) == {"老陈": "没有找到 1001，请看看编号是不是打错了。"}


def test_the_unit_that_has_begun_goes_on_in_private(hearing: Hearing) -> None:
    hearing.say("小李", "垃圾没人管", GROUP)
    hearing.say("老陈", "受理 1001", "oc_unit")
    told = dict(hearing.say("小李", WRONG_KIND))
    assert "oc_unit" not in told
    assert told["老陈"] == "1001 报的人说是诉求，请只在私下办，群里不要再提。"


def test_what_others_have_reported_too_stays_a_hazard(hearing: Hearing) -> None:
    hearing.say("小李", PAY, GROUP)
    hearing.say("小张", REPORT, GROUP)
    with hearing.database.write.begin() as session:
        first, second = session.scalars(select(Case).order_by(Case.number))
        second.state, second.merged_into = CaseState.MERGED, first.id
    ((who, told),) = hearing.say("小李", WRONG_KIND, GROUP)
    assert (who, told.split("，")[0]) == ("小李", "1001（站点）别人也报过")
    assert case_of(hearing.database).kind is CaseKind.HAZARD


def test_an_appeal_becomes_a_hazard_by_a_word_more(hearing: Hearing) -> None:
    hearing.say("小李", f"诉求 {REPORT}")
    ((who, asked),) = hearing.say("小李", "是隐患不是诉求")
    assert (who, asked.splitlines()[0]) == ("小李", "1001 改成隐患？")
    assert case_of(hearing.database).state is CaseState.COLLECTED
    assert hearing.say("小李", "对", GROUP) == []
    told = dict(hearing.say("小李", "对"))
    assert told["小李"].splitlines()[0] == "📍 已登记隐患 1002"
    assert (case_of(hearing.database).state, case_of(hearing.database).kind) == (CaseState.WITHDRAWN, CaseKind.APPEAL)
    hazard = case_of(hearing.database, 1002)
    assert (hazard.kind, hazard.place, hazard.text, hazard.chat_id) == (CaseKind.HAZARD, "11栋楼下", REPORT, None)
    hearing.say("小李", "对")
    with hearing.database.read() as session:
        assert len(list(session.scalars(select(CaseStep).where(CaseStep.action == Action.COLLECT)))) == 2


def test_a_group_hears_nothing_of_an_appeal(hearing: Hearing) -> None:
    """Begun in the group, it is asked about in private; told in private, the group knows of none."""
    hearing.say("小李", f"诉求 {REPORT}", GROUP)
    ((who, _),) = hearing.say("小李", "是隐患不是诉求", GROUP)
    assert who == "小李"
    hearing.say("小张", f"诉求 {REPORT}")
    assert hearing.say("小张", "是隐患不是诉求", GROUP) == []
    assert hearing.say("小张", "打错了，是12栋", GROUP) == []
    told = dict(hearing.say("小张", "打错了，是12栋"))
    assert told["王书记"] == "➕ 1002（诉求）报的人补充了\n打错了，是12栋"


def test_nobody_else_puts_it_right(hearing: Hearing) -> None:
    hearing.say("小李", PAY, GROUP)
    assert hearing.say("小张", "1001 打错了，是12栋", GROUP) == []
    ((who, told),) = hearing.say("小张", "1001 打错了，是12栋")
    assert (who, told) == ("小张", "1001 要由报的人来改。")
    hearing.say("小李", WRONG_KIND)
    ((_, told),) = hearing.say("小张", "1001 是隐患不是诉求")
    assert told == "没有找到 1001，请看看编号是不是打错了。"
