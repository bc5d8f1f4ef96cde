"""Appeals: who hears of them, who is named to whom, what may be added, and the 恳谈会 at which they are taken in."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from handlers.appeal_meetings import _lines
from models.case_notes import CaseNote
from models.cases import Case, CaseState, CaseStep
from models.database import Database
from models.escalations import Cause, Escalation
from models.lessons import APPEALS_HEARD, Lesson, LessonState
from models.organisations import Organisation, OrganisationKind
from models.people import Identity, Person, Post
from tests.conftest import StandingClock
from tests.unit.city import City
from tests.unit.talk import Said, Talk

MOVED = ("oc_branch", "已收到一条诉求，已私下跟进。")


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    """A branch below a committee, with a 物业; and a branch beside it."""
    with database.write.begin() as session:
        city = City(session)
        street = city.committee("街道")
        branch = city.branch("小李", "小张", name="支部", parent=street)
        city.person(branch, "小何", reachable=False)
        city.branch(name="邻支部", secretary="马书记", parent=street, chat="")
        city.person(city.organisation("物业", OrganisationKind.UNIT, parent=street), "老陈", Post.CONTACT)
    return Talk(database, clock)


def cases(database: Database) -> list[Case]:
    with database.read() as session:
        found = list(session.scalars(select(Case).order_by(Case.number)))
        assert all(case.organisation.name and (case.reporter is None or case.reporter.name) for case in found)
        return found


def file(talk: Talk, text: str, who: str = "小李", chat: str = "") -> dict[str, str]:
    """What each is told when somebody says this."""
    return dict(talk.all(Said(who, "appeal_file", {"text": text}, chat, text)))


@pytest.mark.parametrize(
    "text",
    [
        "匿名诉求 站点扣钱",
        "我要匿名反映 站点扣钱",
        "诉求 站点扣钱 匿名",
        "诉求 站点扣钱，别说是我",
        "直通匿名诉求 站点扣钱",
    ],
)
def test_who_wants_no_name_has_none_on_the_card(database: Database, talk: Talk, text: str) -> None:
    told = file(talk, text)
    secretary = "刘书记" if "直通" in text else "王书记"
    assert "谁报的：匿名" in told[secretary]
    assert "小李" not in told[secretary]
    assert "都看不到是你提的" in told["小李"]
    assert cases(database)[0].anonymous
    talk.say(secretary, "resolve_case", case=1001, text="退了")
    assert talk.say("小李", "case_query", case=1001)[0][1].startswith("1001（诉求）现在是「已办结」")


def test_in_danger_the_emergency_line_comes_first_and_the_secretary_may_sleep(database: Database, talk: Talk) -> None:
    said = Said("小李", "appeal_file", {"text": "站长打人"}, text="匿名诉求 站长打人", danger="crime")
    assert dict(talk.all(said))["小李"].startswith("⚠️ 紧急请拨")
    assert not cases(database)[0].urgent, "what happened weeks ago is told in these words too"


def test_nobody_is_sent_further_up_than_the_top(talk: Talk) -> None:
    assert "直通" in file(talk, "诉求 站点扣钱")["小李"]
    assert "直通" not in file(talk, "直通诉求 站点扣钱")["小李"]
    own = file(talk, "诉求 没经费", "刘书记")["刘书记"]
    assert "直通" not in own
    assert "记在你自己的「待办」里" in own, "nobody else is secretary there"


def test_a_hazard_told_without_a_name_has_none_on_the_card(database: Database, talk: Talk) -> None:
    said = Said("小李", "hazard_report", {"text": "匿名 东门井盖没了", "place": "东门"}, text="匿名 东门井盖没了")
    assert "谁报的：匿名" in dict(talk.all(said))["王书记"]


@pytest.mark.parametrize("text", ["诉求 站点扣钱", "诉求 匿名电话骂人", "诉求 平台不让匿名评价司机"])
def test_the_word_alone_does_not_take_the_name_away(database: Database, talk: Talk, text: str) -> None:
    assert "谁报的：小李" in file(talk, text)["王书记"]
    assert not cases(database)[0].anonymous


def test_what_a_group_has_heard_is_not_called_secret(talk: Talk) -> None:
    told = talk.all(Said("小李", "appeal_file", {"text": "站点扣钱"}, "oc_branch", "诉求 站点扣钱"))
    assert MOVED in told
    answer = dict(told)["小李"]
    assert "群里的人看得到" in answer
    assert "谁也看不到" not in answer
    assert "群里谁也看不到" in file(talk, "诉求 站点扣钱")["小李"]


def test_an_appeal_past_the_branch_is_nothing_to_its_secretary(database: Database, talk: Talk) -> None:
    told = file(talk, "直通诉求 书记一直不给我转正")
    assert set(told) == {"小李", "刘书记"}
    assert "街道的书记" in told["小李"]
    assert cases(database)[0].organisation.name == "街道"
    for intent in ("accept_case", "case_query", "resolve_case", "add_to_case", "ask_reporter"):
        assert talk.say("王书记", intent, case=1001, text="什么") == [
            ("王书记", "没有找到 1001，请看看编号是不是打错了。")
        ]


def test_an_appeal_is_brought_up_by_its_reporter_once_a_level(database: Database, talk: Talk) -> None:
    file(talk, "诉求 站点扣钱")
    told = dict(talk.say("小李", "go_above", case=1001))
    assert set(told) == {"小李", "刘书记"}, "the branch is not told"
    assert "最上一级" in talk.say("小李", "go_above", case=1001)[0][1]
    with database.read() as session:
        raised = session.scalars(select(Escalation)).one()
        assert (raised.cause, raised.organisation.name) == (Cause.DIRECT, "街道")
    added = dict(talk.say("小李", "add_to_case", case=1001, text="又扣了"))
    assert set(added) == {"小李", "王书记", "刘书记"}


@pytest.mark.parametrize("who", ["小张", "马书记", "老陈"])
@pytest.mark.parametrize(
    "intent",
    ["go_above", "make_anonymous", "withdraw_case", "add_to_case", "ask_reporter", "case_query", "case_feedback"],
)
def test_for_everybody_else_there_is_no_such_appeal(database: Database, talk: Talk, who: str, intent: str) -> None:
    file(talk, "诉求 站点扣钱")
    ((to, answer),) = talk.say(who, intent, case=1001, text="什么")
    assert to == who
    assert answer.startswith(("没有找到 1001", "这件事由书记"))
    case = cases(database)[0]
    assert (case.state, case.anonymous, case.level_id) == (CaseState.COLLECTED, False, None)


# 补充, 问, 撤回


def test_an_addition_is_kept_and_told_to_those_who_work_on_it(database: Database, talk: Talk) -> None:
    file(talk, "诉求 站点扣钱")
    talk.say("王书记", "assign_case", case=1001, org="物业")
    told = dict(talk.say("小李", "add_to_case", case=1001, text="昨天又扣了"))
    assert set(told) == {"小李", "王书记", "老陈"}
    assert "小李" not in told["老陈"]
    told = dict(talk.say("王书记", "add_to_case", case=1001, text="站长电话打不通"))
    assert set(told) == {"王书记", "老陈"}, "nobody above hears of it only because the secretary knows already"
    with database.read() as session:
        notes = list(session.scalars(select(CaseNote).order_by(CaseNote.id)))
    assert [(note.text, note.by_reporter) for note in notes] == [("昨天又扣了", True), ("站长电话打不通", False)]


def test_without_a_number_the_one_open_case_is_meant(talk: Talk) -> None:
    assert "没有在办的事" in talk.say("小李", "add_to_case", text="又扣了")[0][1]
    file(talk, "诉求 站点扣钱")
    assert "已补充到 1001" in dict(talk.say("小李", "add_to_case", text="又扣了"))["小李"]
    file(talk, "诉求 没地方上厕所")
    assert "补充到哪一件" in talk.say("小李", "add_to_case", text="又扣了")[0][1]


def test_what_is_added_to_a_merged_case_goes_to_the_other(database: Database, talk: Talk) -> None:
    file(talk, "诉求 站点扣钱")
    file(talk, "诉求 站点扣我钱", "小张")
    talk.say("王书记", "merge_case", case=1002, into=1001)
    assert "已补充到 1001" in dict(talk.say("小张", "add_to_case", case=1002, text="我也是"))["小张"]
    with database.read() as session:
        note = session.scalars(select(CaseNote)).one()
        assert note.case_id == session.scalars(select(Case.id).where(Case.number == 1001)).one()
        assert note.by_reporter


def test_a_plain_word_answers_what_was_asked_within_a_day(talk: Talk, clock: StandingClock) -> None:
    file(talk, "诉求 站点扣钱")
    assert "哪天扣的" in dict(talk.say("王书记", "ask_reporter", case=1001, text="哪天扣的？"))["小李"]
    told = dict(talk.all(Said("小李", "none", {}, text="上周三")))
    assert "上周三" in told["王书记"]
    assert "没听明白" in dict(talk.all(Said("小李", "none", {}, text="上周四")))["小李"], "it is answered"
    talk.say("王书记", "ask_reporter", case=1001, text="扣了几次？")
    assert "没听明白" in dict(talk.all(Said("小李", "none", {}, "oc_branch", "三次")))["oc_branch"]
    clock.move_to(clock() + timedelta(hours=25))
    assert "没听明白" in dict(talk.all(Said("小李", "none", {}, text="三次")))["小李"]


def ask(talk: Talk, question: str = "怎么扣的？", number: int = 1001) -> None:
    assert question in dict(talk.say("王书记", "ask_reporter", case=number, text=question))["小李"]


@pytest.mark.parametrize(
    ("intent", "answer"),
    [
        ("appeal_file", "站点说我超时扣了200块"),
        ("case_feedback", "还没解决"),
        ("none", "谢谢，他们说下周退"),
        ("doubt", "我周三要跑单请假"),
    ],
)
def test_an_answer_that_could_mean_something_else_is_an_answer(
    database: Database, talk: Talk, intent: str, answer: str
) -> None:
    file(talk, "诉求 站点扣钱")
    ask(talk)
    told = dict(talk.all(Said("小李", intent, {"text": answer}, text=answer)))
    assert answer in told["王书记"]
    assert "已补充到 1001" in told["小李"]
    assert ("要是另一件事" in told["小李"]) == (intent == "appeal_file")
    assert len(cases(database)) == 1


def test_what_is_no_answer_is_none(database: Database, talk: Talk) -> None:
    file(talk, "诉求 站点扣钱")
    ask(talk)
    assert "编号 1002" in file(talk, "诉求 没地方上厕所")["小李"]
    assert "编号 1003" in file(talk, "我想提个诉求，没地方休息")["小李"]
    assert "编号 1004" in file(talk, "工资不发，不想活了")["小李"], "nobody waits for whoever asked"
    assert "不客气" in dict(talk.all(Said("小李", "none", {}, text="谢谢")))["小李"]
    assert len(cases(database)) == 4
    with database.read() as session:
        assert [note.by_reporter for note in session.scalars(select(CaseNote))] == [False], "it is asked still"


def test_an_appeal_never_answers_what_was_asked_of_a_hazard(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    talk.say("王书记", "assign_case", case=1001, org="物业")
    ask(talk, "哪一个？")
    told = file(talk, "站点扣了我两百块")
    assert "编号 1002" in told["小李"]
    assert "老陈" not in told


def test_what_is_over_is_not_asked_about_nor_called_unknown(talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    assert "不在您这边办" in talk.say("老陈", "ask_reporter", case=1001, text="哪个？")[0][1]
    talk.say("王书记", "resolve_case", case=1001, text="补上了")
    assert talk.say("王书记", "ask_reporter", case=1001, text="哪个？") == [
        ("王书记", "1001 现在是「已办结」，不用问了。")
    ]
    assert "评价" not in talk.say("王书记", "add_to_case", case=1001, text="下水道也修了")[0][1], "not theirs to rate"
    assert "评价 1001 未解决" in talk.say("小李", "add_to_case", case=1001, text="又没了")[0][1]


def test_who_asks_learns_nothing_of_whom(talk: Talk) -> None:
    file(talk, "匿名诉求 站点扣钱")
    talk.say("王书记", "assign_case", case=1001, org="物业")
    asked = dict(talk.say("老陈", "ask_reporter", case=1001, text="哪天？"))
    assert "老陈" not in asked["小李"]
    assert all("小李" not in answer for answer in asked.values())
    told = dict(talk.say("小李", "add_to_case", case=1001, text="周三"))
    assert all("小李" not in told[who] for who in ("王书记", "老陈"))


def test_only_the_reporter_withdraws_and_the_rest_are_told(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", "oc_branch", text="井盖没了", place="东门")
    talk.say("王书记", "assign_case", case=1001, org="物业")
    assert "要由报的人来撤回" in talk.say("王书记", "withdraw_case", case=1001)[0][1]
    assert "要由报的人来撤回" in talk.say("小张", "withdraw_case", case=1001)[0][1]
    told = dict(talk.say("小李", "withdraw_case", case=1001, text="找到了"))
    assert set(told) == {"小李", "王书记", "老陈"}
    with database.read() as session:
        step = session.scalars(select(CaseStep).order_by(CaseStep.id.desc())).first()
        assert step is not None
        assert (step.after, step.reason) == (CaseState.WITHDRAWN, "找到了")


# 恳谈会


def hold(database: Database, clock: StandingClock, of: str = "支部", state: LessonState = LessonState.OPEN) -> int:
    with database.write.begin() as session:
        organisation = session.scalars(select(Organisation).where(Organisation.name == of)).one()
        lesson = Lesson(
            organisation_id=organisation.id,
            kind=APPEALS_HEARD,
            topic="",
            place="",
            state=state,
            opened_at=clock(),
            closed_at=clock() if state is LessonState.CLOSED else None,
        )
        session.add(lesson)
        session.flush()
        return lesson.id


@pytest.mark.parametrize("of", ["支部", "街道"])
def test_an_appeal_made_while_it_goes_on_belongs_to_the_meeting(
    database: Database, talk: Talk, clock: StandingClock, of: str
) -> None:
    meeting = hold(database, clock, of)
    file(talk, "诉求 站点扣钱")
    assert cases(database)[0].meeting_id == meeting


def test_a_meeting_elsewhere_is_none_of_its_business(database: Database, talk: Talk, clock: StandingClock) -> None:
    hold(database, clock, "邻支部")
    file(talk, "诉求 站点扣钱")
    assert cases(database)[0].meeting_id is None


@pytest.mark.parametrize(("minutes", "belongs"), [(0, True), (120, True), (121, False)])
def test_for_two_hours_after_it_too(
    database: Database, talk: Talk, clock: StandingClock, minutes: int, belongs: bool
) -> None:
    meeting = hold(database, clock, state=LessonState.CLOSED)
    clock.move_to(clock() + timedelta(minutes=minutes))
    file(talk, "诉求 站点扣钱")
    assert cases(database)[0].meeting_id == (meeting if belongs else None)


@given(st.text(alphabet="记诉求小李张匿名 ：:,，1.、-\n\t充电柜太少", max_size=60))
def test_any_text_is_read_line_by_line(text: str) -> None:
    lines = list(_lines(text))
    assert len(lines) <= len(text.splitlines())
    for line in lines:
        if isinstance(line, str):
            assert line.strip() == line != ""
        else:
            assert line.who in text
            assert line.what in text
            assert line.what.strip() == line.what != ""


def test_of_two_in_one_line_neither_hears_of_the_other(database: Database, talk: Talk, clock: StandingClock) -> None:
    hold(database, clock)
    told = dict(put_down(talk, "记诉求 小李：充电柜太少；还老坏；小张：没地方停车"))
    assert "停车" not in told["小李"].partition("：")[2]
    assert "没地方停车" in told["小张"]
    assert [case.text for case in cases(database)] == ["充电柜太少；还老坏", "没地方停车"]


def put_down(talk: Talk, text: str, who: str = "王书记", chat: str = "") -> list[tuple[str, str]]:
    return talk.all(Said(who, "record_appeals", {}, chat, text))


def test_the_secretary_puts_down_several_at_once(database: Database, talk: Talk, clock: StandingClock) -> None:
    meeting = hold(database, clock, state=LessonState.CLOSED)
    clock.move_to(clock() + timedelta(days=6))
    lines = "记诉求：\n小李 充电柜太少\n\n2、小张：没地方上厕所\n匿名 站点扣工资\n小何 公司不交社保\n孙悟空 没有热水"
    told = dict(put_down(talk, lines))
    assert set(told) == {"王书记", "小李", "小张"}
    assert "记下 4 条：1001、1002、1003、1004" in told["王书记"]
    assert "没有记：名册里没有「孙悟空」" in told["王书记"]
    found = cases(database)
    assert [(case.reporter.name if case.reporter else "", case.category) for case in found] == [
        ("小李", "停车充电"),
        ("小张", "休息如厕"),
        ("", "劳动报酬"),
        ("小何", "社会保险"),
    ]
    assert {case.meeting_id for case in found} == {meeting}
    assert [case.anonymous for case in found] == [False, False, True, False]
    assert "1001" in talk.say("小李", "my_cases")[0][1]
    told = dict(talk.say("王书记", "resolve_case", case=1003, text="退了"))
    assert set(told) == {"王书记"}, "there is nobody to tell"
    assert "退了" in dict(talk.say("王书记", "resolve_case", case=1001, text="退了"))["小李"]
    assert set(dict(talk.say("王书记", "accept_case", case=1004))) == {"王书记"}
    with database.write.begin() as session:
        person_id = session.scalars(select(Person.id).where(Person.name == "小何")).one()
        session.add(Identity(provider="feishu", ref="ou_小何", person_id=person_id, bound_at=clock()))
    assert "交上了" in dict(talk.say("王书记", "resolve_case", case=1004, text="交上了"))["小何"], "known by now"


def test_the_same_list_sent_twice_is_put_down_once(database: Database, talk: Talk, clock: StandingClock) -> None:
    hold(database, clock)
    put_down(talk, "记诉求 小李 充电柜太少\n匿名 站点扣工资")
    answer = put_down(talk, "记诉求 小李 充电柜太少\n匿名 站点扣工资\n小李 没地方上厕所")[-1][1]
    assert len(cases(database)) == 3
    assert "已经记过，是 1001" in answer
    assert "已经记过，是 1002" in answer


def test_nothing_is_put_down_in_a_group_nor_without_a_meeting(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    assert "没有开过恳谈会" in put_down(talk, "记诉求 小李 充电柜太少")[0][1]
    hold(database, clock)
    assert put_down(talk, "记诉求 小李 充电柜太少", chat="oc_branch")[0][0] == "王书记"
    assert put_down(talk, "记诉求 小李 充电柜太少", who="小李")[0][1].startswith("这件事由书记")
    clock.move_to(clock() + timedelta(days=8))
    assert "没有开过恳谈会" in put_down(talk, "记诉求 小李 充电柜太少")[0][1]
    assert cases(database) == []


def test_whoever_is_put_down_from_another_branch_is_heard_by_its_own_secretary(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    hold(database, clock, "街道")
    told = dict(put_down(talk, "记诉求 小李 充电柜太少", who="刘书记"))
    assert set(told) == {"刘书记", "小李", "王书记"}
    assert cases(database)[0].organisation.name == "支部"
    assert "诉求 1 件，办结 0/1" in talk.say("刘书记", "meeting_appeals")[0][1]
    assert "还没有开过恳谈会" in talk.say("马书记", "meeting_appeals")[0][1]


@pytest.mark.parametrize(("count", "said"), [(0, "诉求已收集"), (4, "诉求已收集"), (5, "收集诉求 5 件")])
def test_the_group_hears_the_number_only_where_it_points_to_nobody(talk: Talk, count: int, said: str) -> None:
    talk.say("王书记", "open_lesson", "oc_branch", kind="恳谈会")
    for number in range(count):
        file(talk, f"诉求 站点扣了第{number}次")
    summary = dict(talk.say("王书记", "close_lesson", "oc_branch"))["oc_branch"]
    assert said in summary
    assert (str(count) in summary.splitlines()[-1]) == (count >= 5)


def test_of_two_of_one_name_none_is_guessed(database: Database, talk: Talk, clock: StandingClock) -> None:
    hold(database, clock)
    with database.write.begin() as session:
        branch = session.scalars(select(Person).where(Person.name == "小李")).one().organisation
        City(session).person(branch, "小李", reachable=False)
    assert "不止一位「小李」" in put_down(talk, "记诉求 小李 充电柜太少")[-1][1]
    assert cases(database) == []
