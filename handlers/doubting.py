"""您是不是想说……: half understood, the bot asks back, with at most three things to choose from."""

import re
from collections.abc import Sequence

from bot.content import Button, Card
from bot.handling import Context, Privately, Reply, Who, handles, registration
from bot.offers import Option, ask
from bot.understanding.intent import APPEAL, NONE, Intent, Slot
from handlers.additions import answered
from handlers.assistance import DESPAIR, THANKS, lost
from models.cases import find_case

DOUBT = {
    "accept_case": "受理 {case}",
    "ack_list": "谁没收到 {number}",
    "add_material": "材料 {kind} {said}",
    "add_to_case": "补充 {case} {said}",
    "answer_questions": "答案 {text}",
    "appeal_file": "诉求 {said}",
    "approve_claim": "通过 {number}",
    "approve_leave": "准假 {person}",
    "ask_reporter": "问 {case} {text}",
    "assign_case": "派单 {case} {org}",
    "attendance_list": "谁没签到",
    "bind": "报到 {person} {text}",
    "bind_chat": "绑定 {org}",
    "cancel_lesson": "取消 {kind}",
    "case_feedback": "评价 {case} {said}",
    "case_list": "待办",
    "case_query": "进度 {case}",
    "case_stats": "统计",
    "check_in": "签到 {code}",
    "close_lesson": "结束签到",
    "close_notice": "结束通知 {number}",
    "close_sites": "结束随到随学",
    "coming": "我会来",
    "confirm_members": "确认对上 {number}",
    "confirm_vouch": "确认代报 {person}",
    "correct_case": "改类别 {case} {text}",
    "decline_case": "不受理 {case} {text}",
    "digest": "周报",
    "duty_query": "这个月还差什么",
    "end_series": "停系列 {number}",
    "export": "导出 {kind}",
    "go_above": "直通 {case}",
    "grant_points": "加分 {person} {points} {text}",
    "hazard_report": "隐患 {said}",
    "help": "帮助",
    "home_report": "已向流出地汇报",
    "inflow": "流入 {text}",
    "leaderboard": "积分榜",
    "leave_request": "请假 {said}",
    "lesson_query": "什么时候上课",
    "list_series": "系列",
    "make_anonymous": "匿名 {case}",
    "make_up": "补课 {number}",
    "make_up_note": "心得 {said}",
    "materials": "材料 {kind}",
    "meeting_appeals": "恳谈会清单",
    "merge_case": "并案 {case} {into}",
    "mobile_members": "流动党员",
    "move_lesson": "改期 {kind}",
    "my_cases": "我报的",
    "my_lessons": "我的考勤",
    "notice_ack": "收到",
    "open_lesson": "开课 {kind} {topic}",
    "open_sites": "随到随学 {topic}",
    "outflow": "离开支部",
    "party_application": "我想入党",
    "plan_lesson": "计划 {kind}",
    "plan_series": "固定的课",
    "points_claim": "申报 {said}",
    "points_query": "我的积分",
    "record_appeals": "记诉求 {text}",
    "refuse_leave": "不准假 {person} {text}",
    "refuse_vouch": "不认代报 {person}",
    "reject_claim": "驳回 {number} {text}",
    "report_anew": "另报",
    "require_code": "凭码签到",
    "resolve_case": "办结 {case} {text}",
    "resume_case": "复办 {case}",
    "return_case": "退单 {case} {text}",
    "roster": "名册",
    "route_rules": "派单规则",
    "second_case": "附议 {case}",
    "send_notice": "通知 {said}",
    "set_duty": "要求 {kind}",
    "set_questions": "出题 {kind}",
    "show_code": "签到码",
    "suspend_case": "挂账 {case} {text}",
    "vouch": "代报 {person}",
    "withdraw_case": "撤回 {case}",
}
"""How each thing is said so that it cannot be misunderstood, with what was said; ``said``: the whole of it, if nothing
less is known. What was not said is left out: whoever does it asks for it."""
NOT_FOR_GROUPS = frozenset({APPEAL, "record_appeals", "make_anonymous", "go_above", "bind", "inflow"})
"""What is said of appeals, or with telephone numbers: a group does not read it from the bot, in whosever words."""
SAID_OF_NOTHING = ("help", "notice_ack")
"""What is never offered: it would do nothing that a word of help does not."""
MOST = 3
SHOWN = 40
"""Characters of one choice that are shown; what is done has all of them."""
ON_BUTTON = 12
ONE = "您是不是想说「{said}」？"
YES = "是"
IF_SO = "是就回复「对」；不是，换个说法再发一遍。"
SEVERAL = "您是不是想说："
WHICH = "回复前面的数字就行；都不是，换个说法再发一遍。"
_SLOT = re.compile(r" ?\{(\w+)\}")
_NUMBER = re.compile(r"^\W*\d{3,7}号?\W*")


@handles("doubt", by=Who.ANYONE)
def doubt(context: Context, intent: Intent) -> Reply | None:
    """The bot was meant, and the text is half understood: it may answer what was asked of a case. Nobody is asked
    in a group about an appeal, or what has a telephone number.
    """
    text = context.message.text
    if any(word in text for word in DESPAIR) or (intent.name == NONE.name and any(word in text for word in THANKS)):
        return lost(context, intent)
    hushed = not NOT_FOR_GROUPS.isdisjoint((intent.name, *intent.alternatives)) or _of_no_hazard(context, intent)
    if reply := answered(context, appeal=intent.name == APPEAL):
        return reply
    perhaps = [name for name in intent.alternatives if name not in SAID_OF_NOTHING] or [intent.name]
    meant = [name for name in perhaps if name in DOUBT and registration(name)]
    open_to_sender = [name for name in meant if _may(context, name)]
    shown = {name: _canonical(intent, name, text) for name in (open_to_sender or meant)[:MOST]}
    if not shown:
        return lost(context, intent)
    # what was understood first is done as it was said, the others as they are said
    options = [Option(text if name == intent.name else says, name, dict(intent.slots)) for name, says in shown.items()]
    card = _card(list(shown.values()), ask(context, options, privately=hushed))
    return Privately(card) if hushed else card


def _of_no_hazard(context: Context, intent: Intent) -> bool:
    """Whether a number was said that may be an appeal's: it looks no different where there is no such case."""
    number = intent.integer("case")
    case = find_case(context.session, number) if number is not None else None
    return number is not None and (case is None or case.confidential)


def _may(context: Context, name: str) -> bool:
    found = registration(name)
    return found is not None and context.may(found.by)


def _canonical(intent: Intent, name: str, said: str) -> str:
    command = DOUBT[name].split(" ")[0]
    numbered = "{case}" in DOUBT[name] and "case" in intent.slots
    words = intent.text("text") or (_NUMBER.sub("", said) if numbered else said)
    if "{said}" in DOUBT[name] and command in words[: len(command) + 2]:
        return words  # 匿名诉求 …

    def filled(slot: re.Match[str]) -> str:
        value: Slot = words if slot[1] == "said" else intent.slots.get(slot[1], "")
        return f" {'到 ' if slot[1] == 'into' and value else ''}{value}" if value != "" else ""

    return " ".join(_SLOT.sub(filled, DOUBT[name]).split())


def _card(choices: Sequence[str], about: str) -> Card:
    if len(choices) == 1:
        button = Button(YES, "1", about, "primary")
        return Card(ONE.format(said=_short(choices[0], SHOWN)), buttons=(button,), hint=IF_SO)
    lines = [f"{number}. {_short(each, SHOWN)}" for number, each in enumerate(choices, 1)]
    buttons = tuple(
        Button(_short(f"{number}. {each}", ON_BUTTON), str(number), about) for number, each in enumerate(choices, 1)
    )
    return Card(SEVERAL, "\n".join(lines), buttons=buttons, hint=WHICH)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
