"""What a newcomer should try in the sandbox: the story in its order, and a few words for everyone at any time."""

from dataclasses import dataclass

APPEAL = "站点扣了我两百块没说理由"
HAZARD = "170号院内有建筑垃圾，请派人处理。"
LESSON = "开课 10分钟微课堂 交通安全"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story. ``who`` says ``text`` in ``chat``; ``jump`` is the clock's jump that it is instead."""

    key: str
    title: str
    who: str
    chat: str
    text: str = ""
    photo: bool = False
    begins: str = ""
    """What the person says or presses when the step is done; empty: the photo tells."""
    jump: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A few words that make sense for somebody in a chat."""

    chat: str
    label: str
    text: str
    photo: bool = False


PRIVATE = "private"
"""The chat of whoever speaks with the bot."""
CASE = "{case}"
"""Stands for the number of the latest hazard; without one the words cannot be said yet."""

STORY = (
    Step("open", "书记开一堂微课", "王书记", "branch", LESSON, begins="开课"),
    Step("check_in", "骑手签到", "小李", "branch", "签到", begins="签到"),
    Step("hazard", "骑手随手拍，报隐患", "小李", "branch", HAZARD, photo=True, begins="170号院"),
    Step("appeal", "受了委屈，私下提诉求", "小张", PRIVATE, APPEAL, begins="站点"),
    Step("points", "查查自己的积分", "小李", PRIVATE, "我有多少积分", begins="我有多少积分"),
    Step("assign", "书记派单给物业", "王书记", "branch", f"派单 {CASE} 物业", begins="派单"),
    Step("resolve", "物业清运，办结", "老陈", "property", f"办结 {CASE} 已清运", begins="办结"),
    Step("digest", "快进到周五，看周报", "王书记", "branch", jump="friday"),
)

_RIDER = (
    Suggestion("branch", "签到", "签到"),
    Suggestion("branch", "📷 报隐患", HAZARD, photo=True),
    Suggestion("branch", "请假", "请假 今晚要跑单"),
    Suggestion("branch", "收到", "收到"),
    Suggestion(PRIVATE, "我的积分", "我有多少积分"),
    Suggestion(PRIVATE, "提诉求", APPEAL),
    Suggestion(PRIVATE, "申报志愿服务", "申报 昨天帮社区搬物资2小时"),
    Suggestion(PRIVATE, "补课", "补课"),
    Suggestion(PRIVATE, "我的考勤", "我的考勤"),
    Suggestion(PRIVATE, "帮助", "帮助"),
)
_SECRETARY = (
    Suggestion("branch", "开课", LESSON),
    Suggestion("branch", "谁没签到", "谁没签到"),
    Suggestion("branch", "计划", "计划 党员大会 周五15:00"),
    Suggestion("branch", "通知", "通知 明天大风，出车慢一点"),
    Suggestion("branch", "谁没收到", "谁没收到"),
    Suggestion("branch", "派单", f"派单 {CASE} 物业"),
    Suggestion("branch", "结束签到", "结束签到"),
    Suggestion("branch", "待办", "@小蜂 待办"),
    Suggestion("organisation", "周报", "@小蜂 周报"),
    Suggestion("property", "待办", "@小蜂 待办"),
    Suggestion(PRIVATE, "待办", "待办"),
    Suggestion(PRIVATE, "还差什么会", "这个月还差什么"),
    Suggestion(PRIVATE, "签到码", "签到码"),
    Suggestion(PRIVATE, "给小李加分", "加分 小李 5 送考"),
    Suggestion(PRIVATE, "名册", "名册"),
    Suggestion(PRIVATE, "导出名册", "导出 名册"),
    Suggestion(PRIVATE, "导出考勤", "导出 考勤"),
    Suggestion(PRIVATE, "会议纪要", "导出 纪要"),
    Suggestion(PRIVATE, "帮助", "帮助"),
)
_CONTACT = (
    Suggestion("property", "受理", f"受理 {CASE}"),
    Suggestion("property", "办结", f"办结 {CASE} 已清运"),
    Suggestion("property", "退单", f"退单 {CASE} 不归我们管"),
    Suggestion("property", "待办", "@小蜂 待办"),
    Suggestion(PRIVATE, "待办", "待办"),
    Suggestion(PRIVATE, "帮助", "帮助"),
)
_ORGANISER = (
    Suggestion("organisation", "周报", "@小蜂 周报"),
    Suggestion("organisation", "帮助", "@小蜂 帮助"),
    Suggestion(PRIVATE, "周报", "周报"),
    Suggestion(PRIVATE, "还差什么会", "这个月还差什么"),
    Suggestion(PRIVATE, "帮助", "帮助"),
)
SUGGESTIONS = {
    "王书记": _SECRETARY,
    "小李": _RIDER,
    "小张": _RIDER,
    "小赵": _RIDER,
    "周组织员": _ORGANISER,
    "老陈": _CONTACT,
}
