"""The slots of the contract, from commands in any order and from free sentences."""

from functools import cache
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.understanding.edges import Edges
from bot.understanding.filling import Filler
from bot.understanding.intent import Slot
from bot.understanding.lexicon import load
from bot.understanding.normalise import normalise
from bot.understanding.places import PlaceFinder
from bot.understanding.segment import Segmenter
from bot.understanding.tokens import tokens_of
from bot.understanding.understanding import PLACE_EDGES
from bot.understanding.weights import load_weights
from tests.unit.understood import MONDAY, said

LONGEST = 0.1
"""Seconds, with cutting and on a busy machine."""

Expected = dict[str, str | int | float]

SLOTS = [
    ("打卡 8848", {"code": "8848"}),
    ("打卡 ８８４８", {"code": "8848"}),
    ("签到 8 8 4 8", {"code": "8848"}),
    ("签到 482 913", {"code": "482913"}),
    ("请假 今晚要跑单", {"text": "今晚要跑单"}),
    ("我把昨天的课补一下", {"time": "2026-11-22T00:00:00+08:00"}),
    ("170号院内有建筑垃圾，请派人处理。", {"place": "170号院", "text": "170号院内有建筑垃圾，请派人处理。"}),
    ("幸福里东门井盖没了", {"place": "幸福里东门"}),
    ("张三13800000000东门井盖没了", {"place": "东门"}),
    ("人民路和解放街交叉口红绿灯不亮了", {"place": "人民路和解放街交叉口"}),
    ("和平小区5号楼着火了", {"place": "和平小区5号楼"}),
    ("福利路路灯全黑，晚上骑车太危险", {"place": "福利路"}),
    ("滨河路公交站旁边有个大坑，差点摔了", {"place": "滨河路公交站旁边"}),
    ("小区门口窨井盖松动，请尽快处理", {"place": "小区门口"}),
    ("诉求: 充电柜太少", {"text": "充电柜太少"}),
    ("站点扣了我两百块没说理由", {"text": "站点扣了我两百块没说理由"}),
    ("进度 1024", {"case": 1024}),
    ("进度 一零二四", {"case": 1024}),
    ("我上次报的井盖怎么样了", {"text": "井盖"}),
    ("评价 1024 5分", {"case": 1024, "points": 5}),
    ("评价1024 三分 来得太慢", {"case": 1024, "points": 3, "text": "来得太慢"}),
    ("没解决，还是堆着", {"text": "没解决，还是堆着"}),
    ("申报 昨天帮社区搬物资2小时", {"hours": 2, "text": "昨天帮社区搬物资2小时"}),
    ("申报 在路口劝导两个半小时", {"hours": 2.5}),
    ("申报 值守90分钟", {"hours": 1.5}),
    ("申报 扫雪半小时", {"hours": 0.5}),
    ("兑换 头盔", {"item": "头盔"}),
    ("报名 12", {"number": 12}),
    ("周六送考我参加", {"time": "2026-11-28T00:00:00+08:00", "topic": "送考"}),
    ("哪里能热饭", {"item": "热饭"}),
    ("太原街附近哪有驿站", {"place": "太原街"}),
    ("报到 小李 1234", {"person": "小李", "code": "1234"}),
    ("报到 张伟5566", {"person": "张伟", "code": "5566"}),
]
STAFF_SLOTS = [
    ("开课 10分钟微课堂 交通安全", {"kind": "10分钟微课堂", "topic": "交通安全"}),
    ("开课 党课《新就业群体》", {"kind": "党课", "topic": "新就业群体"}),
    ("计划 党员大会 周五15:00", {"kind": "党员大会", "time": "2026-11-27T15:00:00+08:00"}),
    ("下周四晚七点半开支委会", {"kind": "支委会", "time": "2026-12-03T19:30:00+08:00"}),
    ("准假 小李", {"person": "小李"}),
    ("受理 1024", {"case": 1024}),
    ("不受理 1024 不属实", {"case": 1024, "text": "不属实"}),
    ("派单 1024 物业", {"case": 1024, "org": "物业"}),
    ("把1024派给城管", {"case": 1024, "org": "城管"}),
    ("把 1024 派给 城管", {"case": 1024, "org": "城管"}),
    ("退单 1024 不归我们管", {"case": 1024, "text": "不归我们管"}),
    ("办结 1024 已清运", {"case": 1024, "text": "已清运"}),
    ("1024办结了 垃圾拉走了", {"case": 1024, "text": "垃圾拉走了"}),
    ("把1024办结了吧，垃圾清干净了", {"case": 1024, "text": "垃圾清干净了"}),
    ("并案 1025 到 1024", {"case": 1025, "into": 1024}),
    ("把1025并到1024", {"case": 1025, "into": 1024}),
    ("加分 小李 5 送考", {"person": "小李", "points": 5, "text": "送考"}),
    ("给小李加5分 送考", {"person": "小李", "points": 5, "text": "送考"}),
    ("通过 31", {"number": 31}),
    ("驳回 31 没有照片", {"number": 31, "text": "没有照片"}),
    ("通知 明天大风…", {"text": "明天大风…"}),
    ("通知一下大家明天大风骑慢点", {"text": "明天大风骑慢点"}),
    ("动员 卡口值守 20人 今晚", {"topic": "卡口值守", "number": 20, "time": "2026-11-23T19:00:00+08:00"}),
    ("动员 清雪 15人 明早6点 人民广场", {"topic": "清雪", "place": "人民广场"}),
    ("绑定 幸福里流动党支部", {"org": "幸福里流动党支部"}),
    ("导出 考勤", {"kind": "考勤"}),
]
SAID: list[tuple[str, str, Expected]] = [
    ("resolve_case", "1024那个垃圾已经清了 办结吧", {"case": 1024, "text": "垃圾已经清了"}),
    ("resolve_case", "幺零六三处理完毕逗号现场已恢复句号", {"case": 1063, "text": "现场已恢复"}),
    ("accept_case", "一千零二十四我们接了", {"case": 1024}),
    ("accept_case", "给1911点个受理", {"case": 1911}),
    ("return_case", "关于7390：归口街道，退单", {"case": 7390}),
    ("case_query", "#1024怎么样了", {"case": 1024}),
    ("case_query", "170号院的事办得怎么样了", {}),
    ("case_feedback", "1330五分好评🌟", {"case": 1330, "points": 5}),
    ("case_feedback", "1024给三星吧", {"case": 1024, "points": 3}),
    ("merge_case", "1025和1024是一回事 并了吧", {"case": 1025, "into": 1024}),
    ("merge_case", "1024和1025是一回事 并了吧", {"case": 1025, "into": 1024}),
    ("merge_case", "1025跟1024一个坑 把1025并到1024", {"case": 1025, "into": 1024}),
    ("merge_case", "幺幺零三跟幺零九七重复了逗号把前面这个并到后面那个里", {"case": 1103, "into": 1097}),
    ("merge_case", "以1024为主 1033并进来", {"case": 1033, "into": 1024}),
    ("assign_case", "把一零二四转给城管那边", {"case": 1024, "org": "城管"}),
    ("assign_case", "1031 这个转物业吧 楼道归他们", {"case": 1031, "org": "物业"}),
    ("assign_case", "一零三八给市政派过去", {"case": 1038, "org": "市政"}),
    ("assign_case", "帮我把1044交给交警中队处理一下", {"case": 1044, "org": "交警中队"}),
    ("assign_case", "6027转到交运集团那边", {"case": 6027, "org": "交运集团"}),
    ("assign_case", "1050号工单麻烦转给万科物业句号", {"case": 1050, "org": "万科物业"}),
    ("assign_case", "5756就交物业公司办嘛", {"case": 5756, "org": "物业公司"}),
    ("bind_chat", "将本群与小蜜蜂党支部绑定", {"org": "小蜜蜂党支部"}),
    ("bind_chat", "绑定 解放街道新就业群体党总支", {"org": "解放街道新就业群体党总支"}),
    ("bind_chat", "把我们群挂到城东流动党支部下面", {"org": "城东流动党支部"}),
    ("approve_claim", "32那个搬物资的我看了 没问题 通过", {"number": 32}),
    ("approve_claim", "四十号的申报中 给他过", {"number": 40}),
    ("reject_claim", "两个人交了同一张照片，申报83驳回", {"number": 83}),
    ("activity_signup", "活动31 我参加", {"number": 31}),
    ("mobilize", "搞个动员 地铁口摆车 十二个人就够 今晚六点半", {"number": 12, "time": "2026-11-23T18:30:00+08:00"}),
    ("mobilize", "动员一下 要二十来个", {"number": 20}),
    ("mobilize", "动员四名会开三轮的", {"number": 4}),
    ("mobilize", "动员我们支部16个人支援城东卡口，两小时一班", {"number": 16}),
    ("grant_points", "给小李记五分 他昨天去送考了", {"person": "小李", "points": 5}),
    ("grant_points", "张师傅帮着铲雪 加3分哈", {"person": "张师傅", "points": 3}),
    ("grant_points", "老周昨晚值守到两点 加十分", {"person": "老周", "points": 10}),
    ("grant_points", "积分给陈姐加六个 教大伙用灭火器", {"person": "陈姐", "points": 6}),
    ("grant_points", "给欧阳明加2分", {"person": "欧阳明", "points": 2}),
    ("grant_points", "大勇 +8 卡口", {"person": "大勇", "points": 8}),
    ("approve_leave", "替王书记批一下老贾的假", {"person": "老贾"}),
    ("approve_leave", "林阿福今晚的假我批了", {"person": "林阿福"}),
    ("approve_leave", "准了小邓的请假", {"person": "小邓"}),
    ("bind", "張师傅来报到 七零四一", {"person": "張师傅", "code": "7041"}),
    ("bind", "新来的报到哈 小吴 7788", {"person": "小吴", "code": "7788"}),
    ("check_in", "打咔 六零三二", {"code": "6032"}),
    ("points_claim", "上午给敬老院送了俩小时饭 给我记个分呗", {"hours": 2}),
    ("points_claim", "帮幼儿园门口看秩序一个半钟头 给俺加上", {"hours": 1.5}),
    ("points_claim", "巡河三小时半", {"hours": 3.5}),
    ("points_claim", "值守一小时三十分钟", {"hours": 1.5}),
    ("points_claim", "昨天从九点到十一点半在路口劝导", {"hours": 2.5}),
    ("redeem", "换副棉手套", {"item": "棉手套"}),
    ("redeem", "用积分给我换个雨衣 大号的", {"item": "雨衣"}),
    ("redeem", "手套还有货没 有就给我换一双", {"item": "手套"}),
    ("redeem", "积分能换什么", {}),
    ("station_query", "新街口哪个驿站能热饭", {"item": "热饭", "place": "新街口"}),
    ("station_query", "幸福里周围有爱心驿站冇", {"place": "幸福里"}),
    ("open_lesson", "人差不多齐了 党员大会开始签到吧", {"kind": "党员大会"}),
    ("export", "诉求台账导出一下下", {"kind": "诉求"}),
    ("export", "花名册导出来发我邮箱", {"kind": "花名册"}),
    (
        "plan_lesson",
        "周五下午3点计划党员大会 在东站驿站",
        {"time": "2026-11-27T15:00:00+08:00", "kind": "党员大会", "place": "东站驿站"},
    ),
    (
        "plan_lesson",
        "周四收工后十点 老周家店里 党小组会",
        {"time": "2026-11-26T22:00:00+08:00", "kind": "党小组会", "place": "老周家店里"},
    ),
    (
        "plan_lesson",
        "计划一下大后天的班前一刻钟，早上七点一刻",
        {"time": "2026-11-26T07:15:00+08:00", "kind": "班前一刻钟"},
    ),
    ("plan_lesson", "下周二晚8点社区活动室党员大会帮我排上", {"place": "社区活动室"}),
    ("hazard_report", "御景湾保安不让进", {"place": "御景湾"}),
    ("hazard_report", "电梯坏了", {}),
]
"""What a sentence of an intent tells, though no pattern matches it."""
NAMES = ("case", "into", "number", "place", "time", "hours", "points", "person", "item", "org", "kind", "code")
INTENTS = sorted({intent for intent, _, _ in SAID})
SAYABLE = "零一二十百12路号楼派给在去今晚周点分小李师傅加记,。 "
ORDERS = ["把{}派给城管", "{}那个转城管吧", "派单 {} 城管", "麻烦 {}号给城管派过去"]
AGAIN = ["一", "派给", "百", "1", ":", "周五", "在家", "加小李", "支部", "换个"]


@cache
def _filler() -> tuple[Segmenter, PlaceFinder, Filler]:
    lexicon = load()
    places = PlaceFinder(lexicon.places)
    edges = Edges(lexicon, load_weights(PLACE_EDGES))
    return Segmenter(frozenset(lexicon.words())), places, Filler(lexicon, places, edges)


def filled(intent: str, text: str) -> dict[str, Slot]:
    """The slots of a sentence that is known to mean ``intent``."""
    segmenter, places, filler = _filler()
    message = normalise(text)
    tokens = tokens_of(segmenter.cut(message.folded))
    return filler.fill(intent, message, tokens, places.find(message.folded, tokens), MONDAY, None)


@pytest.mark.parametrize(("intent", "text", "slots"), SAID)
def test_slots_of_free_sentences(intent: str, text: str, slots: Expected) -> None:
    found = filled(intent, text)
    assert slots.items() <= found.items()
    assert {name for name in found if name in NAMES} <= slots.keys() | {"time", "place", "kind"}


def test_every_contracted_slot_is_looked_for() -> None:
    assert set(NAMES) <= {name for _, _, slots in SAID for name in slots}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(INTENTS),
    st.text(max_size=500) | st.text("零一二十百12路号楼派给在去今晚周点分小李师傅加记,。 ", max_size=500),
)
def test_no_text_is_too_much(intent: str, text: str) -> None:
    """Whatever is said, what is literal stands in it, and what is a number is one."""
    found = filled(intent, text)
    literal = normalise(text).text
    for name in ("place", "org", "person"):
        assert str(found.get(name, "")) in literal
    assert all(isinstance(found[name], int) for name in ("case", "into", "number", "points") if name in found)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1000, 9999),
    st.sampled_from(ORDERS),
)
def test_numbers_of_cases_read_back(number: int, how: str) -> None:
    for said_so in (str(number), "".join("零一二三四五六七八九"[int(digit)] for digit in str(number))):
        slots = filled("assign_case", how.format(said_so))
        assert (slots.get("case"), slots.get("org")) == (number, "城管")


@pytest.mark.parametrize(
    "text", ["一" * 500, "派给" * 250, "百" * 500, "1" * 500, ":" * 500, "周五" * 250, "在家" * 250]
)
def test_no_text_takes_long(text: str) -> None:
    for intent in INTENTS:
        filled(intent, text)
        start = process_time()
        filled(intent, text)
        assert process_time() - start < LONGEST, intent


@pytest.mark.parametrize(("text", "slots"), SLOTS)
def test_slots_of_members(text: str, slots: Expected) -> None:
    assert slots.items() <= dict(said(text).slots).items()


def test_a_code_before_the_word_is_a_code() -> None:
    """It was lost, and where a code was shown any number before the word counted as the word alone."""
    assert said("8848 签到", addressed=True).slots == {"code": "8848"}
    assert not said("1500签到").reply


@pytest.mark.parametrize(("text", "slots"), STAFF_SLOTS)
def test_slots_of_staff(text: str, slots: Expected) -> None:
    assert slots.items() <= dict(said(text, role="secretary").slots).items()


def test_what_is_not_said_is_no_slot() -> None:
    assert said("开课", role="secretary").slots == {}
    assert said("报名").slots == {}


def test_the_number_of_a_case_is_no_rating() -> None:
    """The last digit of 1001 was taken for one point, and the case was opened again."""
    assert dict(said("评价 1001 满意", private=True).slots) == {"case": 1001, "text": "满意"}


def test_an_appeal_has_a_place_only_where_it_names_one() -> None:
    for text in ("诉求 站点扣了我三百块没说理由", "诉求 没地方上厕所", "诉求 物业不让充电车进门"):
        assert "place" not in said(text, private=True).slots
    assert said("诉求 御景湾小区东门保安不让进", private=True).slots["place"] == "御景湾小区东门"
