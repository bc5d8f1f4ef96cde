"""Leave, make-up, questions, series and one's own attendance: the many ways to say them, and what is only talk."""

import pytest

from tests.unit.understood import said

ANYWHERE = {
    "leave_request": ["请假", "请假 后天的微课堂 跑长途", "后天的微课堂请假，去体检"],
    "withdraw_leave": [
        "销假",
        "我来销假",
        "我不请假了",
        "今晚不请假了",
        "取消请假",
        "撤回请假",
        "我的假不请了",
        "销假 周三的课",
    ],
    "make_up": ["补课", "补课1", "补课 2", "补课第2个", "补课 交通安全", "我要补昨天的党课"],
    "refuse_leave": [
        "不准假 小李",
        "不准假小李这次要投票",
        "不准假 王小明 人手不够",
        "小李不准假",
        "小李的假不准，要投票",
        "不同意小李请假",
        "不批小李的假，人不够",
    ],
    "approve_leave": ["准假 小李", "准假小李", "准小李的假", "同意小李请假"],
    "attendance_list": ["请假名单", "请假的有谁"],
    "end_series": ["停系列", "停系列 2", "停系列2", "取消系列 1", "系列 2 停了"],
    "my_lessons": ["我的考勤", "查我的考勤", "看一下我的出勤", "我的学习记录"],
}
TO_THE_BOT = {
    "make_up_note": ["心得 学了不少", "心得：路口减速", "心得体会 先戴头盔", "补课心得 着火了先打119，楼道里不堆纸箱"],
    "answer_questions": ["答案 ABC", "答案ABC", "答案：1A2B", "答题 a b c", "我选 B", "我的答案是 A B C"],
    "set_questions": [
        "出题",
        "出题 党课 1. 着火了怎么办？ A 打119 B 跑 答案A",
        "补课题 1. 先戴什么？ A 头盔 B 帽子 答案A",
    ],
    "plan_series": [
        "每周三15:30 10分钟微课堂 交通安全",
        "每个工作日8:45班前一刻钟",
        "每周一三五下午3点半 微课堂",
        "每周三 微课堂",
        "系列 每天8点 班前一刻钟",
    ],
    "list_series": ["系列", "有哪些系列", "系列课"],
    "my_lessons": ["我的学习", "我连续签到了多少次", "我缺了几次课"],
    "refuse_leave": ["不准假"],
}
TALK = """
心得 今天的党课让我很受教育，路灯坏了要及时报修
心得体会写多少字啊
我的学习笔记丢了
答案是C吧
答案 B
这题选A
出题的人真刁钻
出题 党课
每天跑单累死
每周三都堵车
每周三下午党课都堵
每周三15:30的微课堂大家别忘了
每天8点就让打卡
这个系列真好看
系列
他不请假了吗
补课班太贵
销假期间的考勤怎么算
批假条了
""".strip().splitlines()


@pytest.mark.parametrize("addressed", [False, True])
@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ANYWHERE.items() for text in texts])
def test_clear_words_are_acted_upon_wherever_they_are_said(name: str, text: str, addressed: bool) -> None:
    assert said(text, role="secretary", addressed=addressed).name == name


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TO_THE_BOT.items() for text in texts])
def test_words_that_people_also_say_to_one_another_are_meant_for_the_bot_in_private(name: str, text: str) -> None:
    assert said(text, role="secretary", private=True).name == name


@pytest.mark.parametrize("text", TALK)
@pytest.mark.parametrize("role", ["member", "secretary"])
def test_talk_is_left_alone(text: str, role: str) -> None:
    intent = said(text, role=role)
    assert (intent.name, intent.reply) == ("none", False)


@pytest.mark.parametrize("text", ["老板不准假", "不准假装没看见", "站长不准小李的假"])
def test_a_member_complains_of_a_refused_leave(text: str) -> None:
    assert not said(text).reply


def test_a_secretary_sets_a_series_in_the_group_and_a_member_only_talks_of_one() -> None:
    text = "每周三15:30 10分钟微课堂 交通安全"
    assert said(text, role="secretary").name == "plan_series"
    assert not said(text).reply


@pytest.mark.parametrize("text", ["心得 着火了要先打119", "出题 1. 煤气泄漏先做什么？ A 开窗 B 点火 答案A"])
def test_what_was_learned_of_a_fire_is_no_fire(text: str) -> None:
    assert said(text, role="secretary", private=True).name in {"make_up_note", "set_questions"}
