"""Notices: who is asked, what counts as an answer and what is small talk, the one nudge, and the end."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import perf_counter, sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from bot.content import load
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage
from bot.reports.notices import live_notice_card
from bot.router import Router
from bot.understanding.acknowledgements import Acknowledgements
from bot.understanding.lexicon import load as load_lexicon
from handlers.notices import AFTERWARDS, LASTS, LONGEST, NUDGE_AFTER, SKEW
from handlers.short_words import CASUAL
from models.database import Database
from models.inbox import Claim
from models.notices import Notice, NoticePost, NoticeRoll
from models.organisations import OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Identity, Occupation, Person, Post
from schedules.runner import next_due, run_due
from tests.conftest import START, StandingClock
from tests.unit.city import ROADS, City, posts, said, slots
from tests.unit.talk import Said, Talk
from tests.unit.test_understanding_silence import CHATTER
from tests.unit.understood import said as understood
from tests.unit.understood import understanding

BRANCH = "oc_branch"
ANSWERS = [
    "1",
    "１",
    "1️⃣",
    "👌",
    "👌🏻",
    "👌👌",
    "好的",
    "好的。",
    "好的！！",
    "好的好的",
    "OK",
    "ok。",
    "Okay",
    "好嘞",
    "好滴",
    "明白",
    "明白了，谢谢书记",
    "知道了",
    "嗯嗯，好的",
    "好的，收到，注意安全",
    "了解",
    "看到了",
    "🆗",
    "[OK]",
    "好的🙏",
    "书记放心，一定照办",
    "✅",
    "收到👌",
    "收到[抱拳]",
    "好的1",
]
TALK = [
    "好的吗",
    "好的？",
    "收到？",
    "ok?",
    "1?",
    "11点",
    "1号",
    "10",
    "12",
    "1元",
    "1个人",
    "👍",
    "哈哈",
    "哈哈好的",
    "好的我去拿",
    "嗯",
    "行",
    "可以",
    "谢谢",
    "谢谢书记",
    "书记",
    "辛苦了",
    "😂",
    "好的，那单子你送",
    "明白你的意思",
    "收到货了",
    "知道了吗",
    "你知道了",
    "看到了没",
    "了解一下",
    "OK了吗",
    "1单",
    "好的吧我再想想",
    "🌹",
    "不好的",
    "好不好",
    "都看到了",
    "我明白他说的",
    "马上",
    "一定",
    "放心",
]


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    """A branch with its group, below a 党委 with one, beside a branch without a group and a 责任单位."""
    with database.write.begin() as session:
        city = City(session)
        committee = city.committee()
        branch = city.branch("小李", "小张", "小赵", parent=committee, chat=BRANCH)
        city.person(branch, "小周", reachable=False)
        unit = city.organisation("物业", OrganisationKind.UNIT, committee)
        groupless = city.organisation("没有群的支部", parent=committee)
        city.chat(committee, "oc_committee")
        city.chat(unit, "oc_unit")
        city.person(groupless, "老钱")
        city.person(unit, "老陈", Post.CONTACT)
    return Talk(database, clock)


def send(talk: Talk, text: str = "明天大风", who: str = "王书记", chat: str = BRANCH) -> list[tuple[str, str]]:
    """Sends a notice, and returns what the bot says."""
    return talk.all(Said(who, "send_notice", {"text": text}, chat, text=f"通知 {text}"))


def answered(database: Database, number: int = 1) -> list[str]:
    """Who has answered a notice."""
    with database.read() as session:
        query = (
            select(Person.name)
            .join(NoticeRoll, NoticeRoll.person_id == Person.id)
            .join(Notice, Notice.id == NoticeRoll.notice_id)
            .where(Notice.number == number, NoticeRoll.answered_at.is_not(None))
        )
        return sorted(session.scalars(query))


def asked(database: Database) -> list[str]:
    """Whom the notices ask."""
    with database.read() as session:
        query = select(Person.name).join(NoticeRoll, NoticeRoll.person_id == Person.id)
        return sorted(session.scalars(query))


def hear(database: Database, clock: StandingClock, *said: tuple[str, str], chat: str = BRANCH, key: int = 0) -> None:
    """What people say, in one transaction, as the real understanding takes it."""
    intake = GroupCommitIntake(database, Router(understanding()), clock, ROADS)
    intake.process([message(clock(), who, text, f"{key} {number}", chat) for number, (who, text) in enumerate(said)])


def message(sent_at: datetime, who: str, text: str, key: str, chat: str = BRANCH) -> IncomingMessage:
    return IncomingMessage(
        "feishu",
        "main",
        f"{sent_at} {who} {text} {key}",
        chat or who,
        not chat,
        f"ou_{who}",
        sent_at,
        text=text,
        addressed=not chat,
    )


def claims(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Claim)) or 0


# What is said


@pytest.mark.parametrize("text", ANSWERS)
def test_what_people_say_to_a_notice_acknowledges(text: str) -> None:
    intent = understood(text)
    assert intent.acknowledges or (intent.name == "notice_ack" and intent.reply)


@pytest.mark.parametrize("text", TALK + CHATTER)
def test_what_says_more_or_asks_acknowledges_nothing(text: str) -> None:
    intent = understood(text)
    assert not intent.acknowledges
    assert intent.name != "notice_ack"


@pytest.mark.parametrize("text", ["1" * 23 + "2", "嗯" * 24])
def test_a_row_of_little_words_is_read_as_fast_as_any_text(text: str) -> None:
    known = Acknowledgements(load_lexicon().acknowledgements)
    start = perf_counter()
    assert not known.match(text)
    assert perf_counter() - start < 0.05  # it took 0.7 s, and everybody waited


@pytest.mark.parametrize(
    ("who", "text"),
    [
        ("小李", "我会准时到"),
        ("小李", "这个月还差什么"),
        ("小李", "不请假了"),
        ("小李", "流入 黑市的车真多"),
        ("王书记", "改期吧"),
        ("王书记", "要求党课每月都要有人去"),
        ("王书记", "谁没收到"),
        ("王书记", "发通知了"),
        ("王书记", "通知大家一声"),
        ("王书记", "通知 都看到了吧"),
        ("王书记", "动员 卡口值守 20人 今晚"),
    ],
)
def test_nothing_is_kept_of_what_was_overheard_and_means_nothing(
    talk: Talk, database: Database, clock: StandingClock, who: str, text: str
) -> None:
    hear(database, clock, (who, text))
    assert (claims(database), talk.answers()) == (0, [])


@given(st.text(max_size=30), st.sampled_from([*ANSWERS, "收到"]))
def test_a_question_never_acknowledges(text: str, answer: str) -> None:
    for asked_back in (f"{answer}?", f"{answer}？{text}", f"{text}吗"):
        assert not understood(asked_back).acknowledges


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    assert understood(text).acknowledges in (True, False)


def test_every_form_counts_in_the_group_and_in_private(talk: Talk, database: Database, clock: StandingClock) -> None:
    for number, text in enumerate((*ANSWERS, "收到", "已阅", "收到，谢谢书记"), 1):
        send(talk)
        hear(database, clock, ("小李", text), key=number)
        hear(database, clock, ("小张", text), chat="", key=number)
        assert answered(database, number) == ["小张", "小李"], text


def test_small_talk_leaves_no_trace_with_and_without_an_open_notice(
    talk: Talk, database: Database, clock: StandingClock
) -> None:
    chatter = [(who, text) for who in ("小李", "王书记") for text in (*CHATTER, *TALK)]
    hear(database, clock, *chatter, *[("小李", text) for text in (*ANSWERS, "收到")])
    send(talk)
    before = claims(database)
    hear(database, clock, *chatter)
    hear(database, clock, ("老陈", "收到"), ("路人", "1"), ("老钱", "好的"), ("王书记", "好的"))
    assert (claims(database), talk.answers()) == (before, [])
    assert answered(database) == []


def test_who_has_answered_chats_on(talk: Talk, database: Database, clock: StandingClock) -> None:
    send(talk)
    hear(database, clock, ("小李", "收到"))
    before = claims(database)
    hear(database, clock, ("小李", "收到"), ("小李", "好的"))
    assert claims(database) == before


# Sending


def test_everybody_below_is_asked_but_the_sender_and_the_units(talk: Talk, database: Database) -> None:
    answers = send(talk, who="刘书记", chat="oc_committee")
    assert asked(database) == sorted(["王书记", "小李", "小张", "小赵", "小周", "老钱"])
    cards = [whom for whom, text in answers if text.startswith("📣")]
    assert sorted(cards) == ["oc_branch", "oc_committee", "老钱"]  # whose branch has no group
    said = dict(answers)["刘书记"]
    assert said.startswith("通知 1 发到 2 个群了；没有群的 1 人，私下发了，等 6 人回「收到」。")


def test_the_group_of_a_branch_is_for_those_of_its_parts_too(talk: Talk, database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = session.scalars(select(Person).where(Person.name == "小李")).one().organisation
        city.person(city.organisation("一组", OrganisationKind.GROUP, branch), "小吴")
    assert [whom for whom, text in send(talk) if text.startswith("📣")] == [BRANCH]
    assert "小吴" in asked(database)


def test_a_notice_keeps_its_lines_and_its_length(talk: Talk, database: Database) -> None:
    text = "各位：\n一、带好头盔\n\n二、" + "慢" * 600
    understood_of_it = understood(f"通知 {text}", role="secretary").text("text")
    assert "\n" not in understood_of_it
    talk.all(Said("王书记", "send_notice", {"text": understood_of_it}, BRANCH, text=f"通知 {text}"))
    with database.read() as session:
        assert session.scalars(select(Notice.text)).one() == text


@pytest.mark.parametrize(("length", "sent"), [(LONGEST, 1), (LONGEST + 1, 0)])
def test_a_notice_has_a_longest_length(talk: Talk, database: Database, length: int, sent: int) -> None:
    answers = send(talk, "风" * length)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Notice)) == sent
    assert any(f"这条有 {length} 个" in text for _, text in answers) == (not sent)


@pytest.mark.parametrize("text", ["通知:{}", "通知 {}", "发通知 {}", "通知大家 {}", "群发 {}", "公告 {}"])
def test_what_is_sent_does_not_repeat_the_command(talk: Talk, database: Database, text: str) -> None:
    whole = text.format("通知书\n到站点领")
    intent = understood(whole, role="secretary")
    assert intent.name == "send_notice"
    talk.all(Said("王书记", "send_notice", intent.slots, BRANCH, text=whole))
    with database.read() as session:
        assert session.scalars(select(Notice.text)).one() == "通知书\n到站点领"


@pytest.mark.parametrize("who", ["小李", "老陈", "路人"])
def test_only_who_runs_the_organisation_sends(talk: Talk, database: Database, who: str) -> None:
    answers = send(talk, who=who)
    assert [whom for whom, _ in answers] == [who]
    assert asked(database) == []


@pytest.mark.parametrize("text", ["通知 各户备水", "停电通知：明早八点", "提醒大家慢点", "公告 涨价了", "谁收到了"])
def test_what_members_pass_on_in_the_group_is_not_answered(
    talk: Talk, database: Database, clock: StandingClock, text: str
) -> None:
    hear(database, clock, ("小李", text))
    assert (claims(database), talk.answers()) == (0, [])


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("通知 3 谁没收到", "ack_list"),
        ("通知谁没收到", "ack_list"),
        ("谁没收到 3", "ack_list"),
        ("谁还没回收到3号", "ack_list"),
        ("通知 3 结束", "close_notice"),
        ("结束通知3", "close_notice"),
        ("关闭通知", "close_notice"),
        ("通知明天大风", "send_notice"),
    ],
)
def test_a_question_about_a_notice_is_not_sent_as_one(text: str, intent: str) -> None:
    assert understood(text, role="secretary").name == intent


# Answering


@pytest.mark.parametrize(
    ("early", "counts"), [(timedelta(minutes=5), False), (SKEW + timedelta(seconds=1), False), (SKEW, True)]
)
def test_what_was_sent_before_the_notice_does_not_answer_it(
    talk: Talk, database: Database, clock: StandingClock, early: timedelta, counts: bool
) -> None:
    send(talk)
    intake = GroupCommitIntake(database, Router(understanding()), clock, ROADS)
    intake.process([message(clock() - early, "小李", "收到", "early")])
    assert bool(answered(database)) == counts


def test_an_answer_that_arrives_after_the_end_counts_if_it_was_sent_before(
    talk: Talk, database: Database, clock: StandingClock
) -> None:
    send(talk)
    clock.move_to(START + timedelta(minutes=10))
    talk.say("王书记", "close_notice", BRANCH)
    clock.move_to(START + timedelta(hours=3))
    intake = GroupCommitIntake(database, Router(understanding()), clock, ROADS)
    for who, minutes in (("小李", 9), ("小张", 11)):
        intake.process([message(START + timedelta(minutes=minutes), who, "收到", "late")])
    assert answered(database) == ["小李"]
    with database.read() as session:
        times = list(session.scalars(select(NoticeRoll.answered_at).where(NoticeRoll.answered_at.is_not(None))))
    assert times == [START + timedelta(minutes=9)]


@pytest.mark.parametrize(("later", "counts"), [(CASUAL, True), (CASUAL + timedelta(minutes=1), False)])
def test_days_later_a_casual_word_in_the_group_is_small_talk_again(
    talk: Talk, database: Database, clock: StandingClock, later: timedelta, counts: bool
) -> None:
    send(talk)
    clock.move_to(START + later)
    hear(database, clock, ("小李", "好的"))
    hear(database, clock, ("小张", "收到"))
    hear(database, clock, ("小赵", "1"), chat="")
    assert answered(database) == (["小张", "小李", "小赵"] if counts else ["小张", "小赵"])


def test_the_newest_that_waits_is_meant_and_only_where_it_was_posted(talk: Talk, database: Database) -> None:
    send(talk, "第一条")
    send(talk, "第二条")
    send(talk, "只给党委", who="刘书记", chat="oc_committee")
    talk.say("小李", "notice_ack", "oc_unit")
    assert [answered(database, number) for number in (1, 2, 3)] == [[], [], []]
    talk.say("小李", "notice_ack", BRANCH)
    talk.say("小李", "notice_ack", BRANCH)
    assert [answered(database, number) for number in (1, 2, 3)] == [[], ["小李"], ["小李"]]


def test_a_button_stays_about_its_own_notice(talk: Talk, database: Database) -> None:
    send(talk, "第一条")
    send(talk, "第二条")
    with database.read() as session:
        first = session.scalars(select(Notice.id).where(Notice.number == 1)).one()
    press = Said("小李", "notice_ack", {}, BRANCH, kind="button", about=f"notice:{first}")
    talk.all(press)
    talk.all(press)
    assert [answered(database, number) for number in (1, 2)] == [["小李"], []]
    for who in ("王书记", "老陈", "路人"):
        talk.all(Said(who, "notice_ack", {}, BRANCH, kind="button", about=f"notice:{first}"))
    assert answered(database) == ["小李"]


def test_twice_in_one_batch_is_once_and_the_next_notice_is_not_used_up(talk: Talk, database: Database) -> None:
    send(talk)
    ack = Said("小李", "notice_ack", {}, BRANCH)
    answers = talk.all(ack, Said("小张", "casual_ack", {}, BRANCH))
    assert answers == [(BRANCH, "已收到"), (BRANCH, "已收到")]
    assert answered(database) == ["小张", "小李"]


def test_answers_of_one_batch_right_behind_the_notice_find_it(talk: Talk, database: Database) -> None:
    talk.all(
        Said("小李", "notice_ack", {}, BRANCH),
        Said("王书记", "send_notice", {"text": "明天大风"}, BRANCH, text="通知 明天大风"),
        Said("小李", "notice_ack", {}, BRANCH),
    )
    assert answered(database) == ["小李"]


def test_a_batch_reads_the_notices_once_and_only_for_an_answer(
    talk: Talk, database: Database, clock: StandingClock
) -> None:
    send(talk)
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def reads() -> int:
        count = sum(statement.startswith("SELECT") and "notice_roll" in statement for statement in statements)
        statements.clear()
        return count

    hear(database, clock, ("小李", "今天单子真多"), ("小张", "签到"), ("小赵", "哈哈"))
    assert reads() == 0
    hear(database, clock, ("小李", "收到"), ("小张", "1"), ("小赵", "👌"), ("王书记", "好的"))
    assert reads() == 1
    assert len(answered(database)) == 3


def test_the_card_counts_those_whom_its_group_is_for(talk: Talk, database: Database) -> None:
    send(talk, who="刘书记", chat="oc_committee")
    talk.say("小李", "notice_ack", BRANCH)
    talk.say("老钱", "notice_ack")
    with database.read() as session:
        shown = {
            target: said(live_notice_card(session, post.id)).splitlines()[2]
            for post in session.scalars(select(NoticePost))
            for target in session.scalars(select(OutboxPost.target).where(OutboxPost.uuid == post.card))
        }
    assert shown == {"oc_branch": "已收到：1 / 5", "oc_committee": "已收到：2 / 6"}
    with database.read() as session:
        contents = [load(content) for content in session.scalars(select(OutboxPost.content))]
    assert sum(type(content).__name__ == "Refresh" for content in contents) == 2


# Who has not, and the end


def test_a_branch_sees_its_own_people_of_a_notice_from_above(talk: Talk) -> None:
    send(talk, who="刘书记", chat="oc_committee")
    assert talk.say("王书记", "ack_list") == [("王书记", "通知 1 还没回 5 人：王书记、小李、小张、小赵、小周")]
    assert "老钱" in talk.say("刘书记", "ack_list", number=1)[0][1]
    assert "由它的书记来结束" in talk.say("王书记", "close_notice", number=1)[0][1]


def test_the_group_is_called_but_for_who_asks_and_who_has_no_account(talk: Talk) -> None:
    send(talk)
    talk.say("小李", "notice_ack", BRANCH)
    assert talk.say("王书记", "ack_list", BRANCH) == [
        (BRANCH, "@小张 @小赵 通知 1 还没回 3 人（含小周）。看到了请回复「收到」。")
    ]


def test_a_neighbour_learns_nothing_of_a_notice(talk: Talk, database: Database) -> None:
    send(talk)
    with database.write.begin() as session:
        city = City(session)
        city.person(city.organisation("邻居支部"), "孙书记", Post.SECRETARY)
    for intent in ("ack_list", "close_notice"):
        assert talk.say("孙书记", intent, number=1) == [("孙书记", "没有 1 号通知，请看看编号。")]


def test_many_who_have_not_are_counted_by_organisation(talk: Talk, database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = session.scalars(select(Person).where(Person.name == "小李")).one().organisation
        for number in range(60):
            city.person(branch, f"骑手{number}", reachable=False)
    send(talk, who="刘书记", chat="oc_committee")
    text = talk.say("刘书记", "ack_list")[0][1]
    assert text == "通知 1 还没回 66 人：幸福里流动党支部 65 人，没有群的支部 1 人"


def test_who_has_not_answered_is_no_question_about_a_notice_long_over(
    talk: Talk, database: Database, clock: StandingClock
) -> None:
    send(talk)
    talk.say("王书记", "close_notice")
    clock.move_to(clock() + AFTERWARDS - timedelta(minutes=1))
    hear(database, clock, ("王书记", "谁没收到"))
    assert [whom for whom, _ in talk.answers()] == [BRANCH]
    clock.move_to(clock() + timedelta(minutes=1))
    before = claims(database)
    hear(database, clock, ("王书记", "谁没收到"))
    assert (claims(database), talk.answers()) == (before, [])
    hear(database, clock, ("王书记", "谁没收到 7"))
    assert talk.answers() == [("王书记", "没有 7 号通知，请看看编号。")]


def test_who_has_left_without_an_answer_is_named_and_counted_no_more(talk: Talk, database: Database) -> None:
    send(talk)
    talk.say("小李", "notice_ack", BRANCH)
    talk.say("小张", "notice_ack", BRANCH)
    with database.write.begin() as session:
        for person in session.scalars(select(Person).where(Person.name.in_(("小张", "小赵")))):
            person.left_on = START.date()
    assert talk.say("王书记", "ack_list", BRANCH) == [(BRANCH, "通知 1 还没回 1 人：小周")]
    assert talk.say("王书记", "close_notice") == [("王书记", "通知 1 结束了：3 人里 2 人回了「收到」，没回 1 人：小周")]


def run_until(database: Database, start: datetime, end: datetime) -> None:
    moment: datetime | None = start
    while moment is not None:
        run_due(database, moment, ROADS)
        moment = next_due(database, moment, end)


def nudged(database: Database) -> list[str]:
    return sorted(whom.removeprefix("ou_") for whom, text in posts(database) if "还差你一个「收到」" in text)


def test_who_has_not_answered_is_asked_once_in_private(talk: Talk, database: Database, clock: StandingClock) -> None:
    with database.write.begin() as session:
        for identity in session.scalars(select(Identity).where(Identity.ref == "ou_小赵")):
            identity.person.left_on = START.date()
    send(talk)
    talk.say("小李", "notice_ack", BRANCH)
    run_due(database, START + NUDGE_AFTER - timedelta(minutes=1), ROADS)
    assert nudged(database) == []
    run_until(database, START + NUDGE_AFTER, START + LASTS)
    assert nudged(database) == ["小张"]


def test_each_organisation_is_nudged_outside_its_own_rush_hours(
    talk: Talk, database: Database, clock: StandingClock
) -> None:
    with database.write.begin() as session:
        for person in session.scalars(select(Person).join(Person.organisation).where(Person.name != "老钱")):
            person.occupation = Occupation.FOOD
    send(talk, who="刘书记", chat="oc_committee")
    run_due(database, START + NUDGE_AFTER, ROADS)
    assert nudged(database) == ["老钱"]
    run_due(database, START + timedelta(hours=5, minutes=29), ROADS)
    assert nudged(database) == ["老钱"]
    run_due(database, START + timedelta(hours=5, minutes=30), ROADS)
    assert nudged(database) == sorted(["老钱", "小李", "小张", "小赵", "王书记"])


def test_nobody_is_nudged_about_what_has_ended(talk: Talk, database: Database) -> None:
    send(talk)
    talk.say("王书记", "close_notice", BRANCH)
    run_due(database, START + NUDGE_AFTER, ROADS)
    assert nudged(database) == []


def test_a_nudge_that_comes_after_the_end_is_none(talk: Talk, database: Database) -> None:
    send(talk)
    run_due(database, START + LASTS + timedelta(hours=2), ROADS)
    assert nudged(database) == []
    assert [missed for job, _, missed in slots(database) if job == "notice_nudge"] == [True]


def summaries(database: Database) -> list[tuple[str, str]]:
    return [(whom, text) for whom, text in posts(database) if "结束了" in text]


def test_a_notice_that_ends_elsewhere_at_the_same_time_is_summed_up_once(talk: Talk, database: Database) -> None:
    send(talk)
    with ThreadPoolExecutor() as others:
        with database.write.begin() as session:
            session.scalars(select(Notice)).one().closed_at = START
            session.flush()
            answers = others.submit(talk.say, "王书记", "close_notice", number=1)
            sleep(0.3)
        assert answers.result(timeout=30) == [("王书记", "通知 1 已经结束了。")]


def test_a_notice_ends_after_three_days_however_late_and_tells_who_sent_it(talk: Talk, database: Database) -> None:
    send(talk)
    talk.say("小李", "notice_ack", BRANCH)
    run_due(database, START + LASTS - timedelta(minutes=1), ROADS)
    assert summaries(database) == []
    for later in (timedelta(days=20), timedelta(days=21)):
        run_due(database, START + LASTS + later, ROADS)
        said = "通知 1 结束了：4 人里 1 人回了「收到」，没回 3 人：小张、小赵、小周"
        assert summaries(database) == [("ou_王书记", said)]
    with database.read() as session:
        assert session.scalars(select(Notice.closed_at)).one() == START + LASTS + timedelta(days=20)


def test_the_end_is_told_at_no_time_of_night_and_to_the_others_where_the_sender_has_left(
    talk: Talk, database: Database, clock: StandingClock
) -> None:
    clock.move_to(START + timedelta(hours=8))  # 23:00
    send(talk)
    with database.write.begin() as session:
        session.scalars(select(Person).where(Person.name == "王书记")).one().left_on = START.date()
        branch = session.scalars(select(Person).where(Person.name == "小李")).one().organisation
        City(session).person(branch, "小吴", Post.ORGANISATION)
    run_due(database, clock() + LASTS, ROADS)
    assert summaries(database) == []
    run_due(database, clock() + LASTS + timedelta(hours=8), ROADS)
    assert [whom for whom, _ in summaries(database)] == ["ou_小吴"]


def test_where_nothing_was_sent_the_secretary_hears_how(talk: Talk) -> None:
    answers: Sequence[tuple[str, str]] = talk.say("王书记", "ack_list", BRANCH)
    assert answers == [("王书记", "最近没有要回「收到」的通知。要发，请说「通知 明天大风，出车慢一点」。")]
