"""您是不是想说……, and other questions that are answered by a number, a yes or a name: once, by who was asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import event, select

from bot.understanding.intent import Intent
from models.cases import Case, CaseKind
from models.database import Database
from models.offers import OPEN_FOR, Offer
from models.organisations import OrganisationKind
from models.people import Post
from schedules import offer_close
from schedules.runner import next_due, run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City
from tests.unit.hearing import GROUP, Hearing

HALF = "站点那边的电瓶车"
APPEAL = "站长又骂人"
LATE = "这一问已经过去了。要办的话，请把原话再发一遍。"
NOT_DONE = "好，不办。换个说法再发一遍就行，我会什么发「帮助」。"


def half(name: str, *others: str, **slots: str | int) -> Intent:
    return Intent(name, 0.5, reply=True, slots=slots, alternatives=(name, *others))


@pytest.fixture
def hearing(database: Database, clock: StandingClock) -> Hearing:
    with database.write.begin() as session:
        city = City(session)
        city.branch("小李", "小张")
        for unit in ("幸福里物业", "幸福里城管中队"):
            city.person(city.organisation(unit, OrganisationKind.UNIT), f"{unit}的人", Post.CONTACT)
    return Hearing(
        database,
        clock,
        {
            HALF: half("hazard_report", "points_query", "leaderboard", place="站点"),
            APPEAL: half("appeal_file", "hazard_report", text=APPEAL),
            "签一个吧": half("check_in"),
            "派单 1001": Intent("assign_case", 0.9, reply=True, slots={"case": 1001}),
            "西门井盖没了": Intent("hazard_report", 0.9, reply=True, slots={"place": "西门"}),
            "东门井盖没了": Intent("hazard_report", 0.9, reply=True, slots={"place": "东门"}),
            "我的积分": Intent("points_query", 0.97, reply=True),
            "给谁加": half("grant_points", "points_query", person="小张"),
            "1001 那个": half("case_query", case=1001),
            "1002 那个": half("case_query", case=1002),
            "1009 那个": half("case_query", case=1009),
            "记一下小张说工资没发": half("record_appeals", "my_cases", text="小张说工资没发"),
            "流入 13800001234": half("inflow", "outflow", text="13800001234"),
            "受理": Intent("accept_case", 0.9, reply=True),
            "诉求 少发了钱": Intent("appeal_file", 0.97, reply=True, slots={"text": "少发了钱"}),
        },
    )


def kept_words(database: Database) -> list[str]:
    with database.read() as session:
        return [offer.options for offer in session.scalars(select(Offer))]


def cases(database: Database) -> list[tuple[CaseKind, str]]:
    with database.read() as session:
        return [(case.kind, case.text) for case in session.scalars(select(Case).order_by(Case.number))]


def test_three_choices_and_a_typed_number(hearing: Hearing) -> None:
    assert hearing.say("小李", HALF, GROUP, addressed=True) == [
        (
            GROUP,
            f"您是不是想说：\n1. 隐患 {HALF}\n2. 我的积分\n3. 积分榜\n回复前面的数字就行；都不是，换个说法再发一遍。",
        )
    ]
    ((who, told),) = hearing.say("小李", "2", GROUP)
    assert (who, "还没有积分" in told) == ("小李", True)
    assert hearing.say("小李", "2", GROUP) == []
    assert cases(hearing.database) == []


def test_what_was_understood_first_is_done_as_it_was_said_and_once(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    answers = hearing.all([("小李", "1", GROUP), ("小李", "1", GROUP)])
    assert [who for who, _ in answers] == ["王书记", GROUP]
    assert cases(hearing.database) == [(CaseKind.HAZARD, HALF)]


@pytest.mark.parametrize(("typed", "done"), [("对", True), ("是的", True), ("嗯", True), ("不是", False)])
def test_yes_and_no_where_there_is_one(hearing: Hearing, typed: str, done: bool) -> None:
    assert hearing.say("小李", "签一个吧", GROUP, addressed=True) == [
        (GROUP, "您是不是想说「签到」？\n是就回复「对」；不是，换个说法再发一遍。")
    ]
    ((_, told),) = hearing.say("小李", typed, GROUP)
    assert told == ("现在没有开着的签到。想知道下次什么时候上课，发「什么时候上课」。" if done else NOT_DONE)
    assert hearing.say("小李", typed, GROUP) == []


def test_yes_to_several_asks_which(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    assert hearing.say("小李", "对", GROUP) == [(GROUP, "是哪一个？请回复前面的数字，比如「1」。")]
    ((who, _),) = hearing.say("小李", "2", GROUP)
    assert who == "小李"


def test_nobody_else_and_nowhere_else_and_not_later(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    kept = hearing.claims()
    assert hearing.say("小张", "1", GROUP) == []
    assert hearing.say("小李", "1", "oc_other") == []
    assert hearing.say("小李", "5", GROUP) == []
    assert hearing.press("小张", "2. 我的积分", GROUP) == "这一句不是问你的。有事直接跟我说就行。"
    hearing.wait(11)
    assert hearing.say("小李", "1", GROUP) == []
    assert hearing.press("小李", "2. 我的积分", GROUP) == LATE
    assert (cases(hearing.database), hearing.claims() - kept) == ([], 2)


def test_a_button_counts_once(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    assert "还没有积分" in hearing.press("小李", "2. 我的积分", GROUP)
    assert hearing.press("小李", "2. 我的积分", GROUP) == LATE
    assert hearing.say("小李", "1", GROUP) == []


def test_who_goes_on_to_something_else_is_not_held_to_it(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    hearing.say("小李", "我的积分", GROUP, addressed=True)
    assert hearing.say("小李", "1", GROUP) == []


def test_of_an_appeal_nobody_is_asked_in_a_group(hearing: Hearing) -> None:
    ((who, told),) = hearing.say("小李", APPEAL, GROUP, addressed=True)
    assert (who, told.splitlines()[1:3]) == ("小李", [f"1. 诉求 {APPEAL}", f"2. 隐患 {APPEAL}"])
    assert hearing.say("小李", "1", GROUP) == []
    answers = dict(hearing.say("小李", "1"))
    assert set(answers) == {"小李", "王书记"}
    assert cases(hearing.database) == [(CaseKind.APPEAL, APPEAL)]


def test_nobody_is_offered_what_others_do(hearing: Hearing) -> None:
    ((_, told),) = hearing.say("小李", "给谁加", addressed=True)
    assert told.splitlines()[0] == "您是不是想说「我的积分」？"
    ((_, told),) = hearing.say("王书记", "给谁加", addressed=True)
    assert told.splitlines()[1:3] == ["1. 加分 小张", "2. 我的积分"]


def test_what_was_said_is_sealed_and_gone_once_it_is_answered(hearing: Hearing) -> None:
    hearing.say("小李", APPEAL)
    with hearing.database.engine.connect() as connection:
        (stored,) = connection.exec_driver_sql("SELECT options FROM offers").scalars()
    assert APPEAL.encode() not in bytes(stored)
    hearing.say("小李", "1")
    with hearing.database.read() as session:
        assert [(offer.options, offer.closed_at is None) for offer in session.scalars(select(Offer))] == [("", False)]


@pytest.mark.parametrize("chat", ["", GROUP])
@pytest.mark.parametrize("answer", ["是物业那边", "物业", "派给物业吧", "幸福里物业"])
def test_the_unit_that_was_asked_for(hearing: Hearing, chat: str, answer: str) -> None:
    assert hearing.say("王书记", answer, GROUP) == []
    hearing.say("小李", "东门井盖没了", GROUP)
    hearing.say("王书记", "派单 1001", chat)
    assert hearing.say("小李", answer, GROUP) == []
    told = dict(hearing.say("王书记", answer, chat))
    assert told[chat or "王书记"] == "1001（东门）已派给幸福里物业。"
    assert hearing.say("王书记", answer, GROUP) == []


def test_what_may_be_two_units_is_asked_again(hearing: Hearing) -> None:
    hearing.say("小李", "东门井盖没了", GROUP)
    hearing.say("王书记", "派单 1001", GROUP)
    assert hearing.say("王书记", "对", GROUP) == []
    assert hearing.say("王书记", "2", GROUP) == []
    assert hearing.say("王书记", "不是", GROUP) == []
    assert hearing.say("王书记", "电信局", GROUP) == []
    ((who, told),) = hearing.say("王书记", "幸福里", GROUP)
    assert (who, told) == (GROUP, "是哪一个？请说全一点。")
    assert GROUP in dict(hearing.say("王书记", "城管", GROUP))


def test_what_nobody_answers_is_not_kept_for_good(hearing: Hearing) -> None:
    hearing.say("小李", APPEAL)
    at = hearing.clock()
    jobs = [offer_close.JOB]
    assert run_due(hearing.database, at, ROADS, jobs) == 0
    assert next_due(hearing.database, at, at + timedelta(hours=1), jobs) == at + OPEN_FOR
    hearing.wait(11)
    assert run_due(hearing.database, hearing.clock(), ROADS, jobs) == 1
    assert (kept_words(hearing.database), hearing.answers()) == ([""], [])
    assert hearing.say("小李", "1") != []
    assert cases(hearing.database) == []


def test_what_was_asked_again_meanwhile_is_left_open(hearing: Hearing) -> None:
    hearing.say("小李", APPEAL)
    hearing.wait(9)
    hearing.say("小李", HALF)
    hearing.wait(2)
    assert run_due(hearing.database, hearing.clock(), ROADS, [offer_close.JOB]) == 0
    assert [bool(words) for words in kept_words(hearing.database)] == [False, True]


def test_an_appeal_that_a_group_has_read_is_not_said_to_be_unseen(hearing: Hearing) -> None:
    hearing.say("小李", APPEAL, GROUP, addressed=True)
    told = dict(hearing.say("小李", "1"))["小李"]
    assert "群里谁也看不到" not in told
    assert "你在群里说的那句，群里的人看得到" in told
    hearing.say("小张", APPEAL)
    assert "群里谁也看不到" in dict(hearing.say("小张", "1"))["小张"]


@pytest.mark.parametrize("text", ["记一下小张说工资没发", "流入 13800001234", "1002 那个", "1009 那个"])
def test_no_group_is_asked_with_words_or_the_number_of_an_appeal_or_a_telephone(hearing: Hearing, text: str) -> None:
    hearing.say("小李", "东门井盖没了", GROUP)
    hearing.say("小张", "诉求 少发了钱")
    ((who, told),) = hearing.say("王书记", text, GROUP, addressed=True)
    assert (who, told.splitlines()[0].startswith("您是不是想说")) == ("王书记", True)
    assert hearing.say("王书记", "1", GROUP) == []
    ((who, _),) = hearing.say("王书记", "1001 那个", GROUP, addressed=True)
    assert who == GROUP


def test_a_part_of_a_number_chooses_no_case(hearing: Hearing) -> None:
    hearing.say("小李", "东门井盖没了", GROUP)
    hearing.say("小张", "西门井盖没了", GROUP)
    contact = "幸福里物业的人"
    for number in (1001, 1002):
        sent = {"case": number, "org": "幸福里物业"}
        hearing.meanings[f"派给物业 {number}"] = Intent("assign_case", 0.97, reply=True, slots=sent)
        hearing.say("王书记", f"派给物业 {number}", GROUP)
    assert "受理哪一件？" in dict(hearing.say(contact, "受理"))[contact]
    assert "没听明白" in dict(hearing.say(contact, "001"))[contact]
    assert "1002（西门）" in dict(hearing.say(contact, "1002"))[contact]


def test_what_the_bot_does_not_understand_leaves_the_question_open(hearing: Hearing) -> None:
    hearing.say("小李", HALF)
    assert "没听明白" in dict(hearing.say("小李", "啥意思"))["小李"]
    assert "还没有积分" in dict(hearing.say("小李", "2"))["小李"]


def test_of_two_answers_at_once_in_two_processes_one_is_done(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    address = hearing.database.url.render_as_string(hide_password=False)
    other = Hearing(Database(address), hearing.clock, hearing.meanings)
    both = Barrier(2)
    for each in (hearing, other):
        if not each.database.embedded:  # SQLite lets one writer in at a time
            meet_before_reading(each.database, both)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda each: each.say("小李", "1", GROUP), (hearing, other)))
    other.database.close()
    assert cases(hearing.database) == [(CaseKind.HAZARD, HALF)]


def meet_before_reading(database: Database, both: Barrier) -> None:
    met: list[bool] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _meet(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if not met and "FROM offers" in statement:
            met.append(True)
            both.wait(30)


def test_a_platform_whose_clock_is_ahead_is_answered(hearing: Hearing) -> None:
    hearing.say("小李", HALF, GROUP, addressed=True)
    hearing.ahead = timedelta(minutes=30)
    ((who, told),) = hearing.say("小李", "2", GROUP)
    assert (who, "还没有积分" in told) == ("小李", True)
