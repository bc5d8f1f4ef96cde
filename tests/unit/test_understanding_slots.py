"""The slots of the contract, from commands in any order and from free sentences."""

import pytest

from tests.unit.understood import said

SLOTS = [
    ("打卡 8848", {"code": "8848"}),
    ("打卡 ８８４８", {"code": "8848"}),
    ("签到 8 8 4 8", {"code": "8848"}),
    ("签到 482 913", {"code": "482913"}),
    ("请假 今晚要跑单", {"text": "今晚要跑单"}),
    ("我把昨天的课补一下", {"time": "2026-11-22T00:00:00+08:00"}),
    ("170号院内有建筑垃圾，请派人处理。", {"place": "170号院", "text": "170号院内有建筑垃圾，请派人处理。"}),
    ("幸福里东门井盖没了", {"place": "幸福里东门"}),
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
Expected = dict[str, str | int | float]


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
