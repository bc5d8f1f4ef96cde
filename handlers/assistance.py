"""Help by role, and what to say where nothing else fits."""

from datetime import timedelta

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.additions import answered
from models.inbox import Claim

HELP = {
    "member": (
        "我是小蜂。你可以说：\n"
        "「签到」上课打卡，「请假 原因」「补课」「我的考勤」\n"
        "「东门井盖没了」报隐患，配张照片更好\n"
        "「诉求 充电柜太少」私下说，群里谁也看不到；不写名字发「匿名诉求 …」\n"
        "「我的积分」「申报 搬物资2小时」\n"
        "「进度 1001」看办到哪一步了，「我报的」看全部\n"
        "「补充 1001 …」「撤回 1001」"
    ),
    "secretary": (
        "书记好，您可以说：\n"
        "「开课 10分钟微课堂 交通安全」「谁没签到」「签到码」「结束签到」\n"
        "「计划 党员大会 周五15:00」「改期」「取消」「准假 小李」\n"
        "「这个月还差什么」「通知 明天大风」「谁没收到」\n"
        "「待办」「受理 1001」「派单 1001 物业」「办结 1001 已清运」「派单规则」\n"
        "「通过 31」「加分 小李 5 送考」\n"
        "「周报」「名册」「流动党员」「导出 考勤」「导出 隐患」「统计」\n"
        "第一次进群先「绑定 支部名称」"
    ),
    "contact": (
        "您好，派给您单位的事会发到这里。可以说：\n"
        "「待办」看有哪些\n"
        "「受理 1001」「办结 1001 已清运」，照片可以一起发\n"
        "「退单 1001 不归我们管」「挂账 1001 12月10号 等配件」"
    ),
    "organizer": (
        "您好，每周一 9:30 我把下面各支部的情况发给您。想现在看，发「周报」；哪些支部还差哪些会，发「这个月还差什么」。"
    ),
}
DOUBT = {
    "accept_case": "受理 1001",
    "ack_list": "谁没收到",
    "add_material": "材料 党课 链接",
    "add_to_case": "补充 1001 什么",
    "answer_questions": "答案 AB",
    "appeal_file": "诉求 什么事",
    "approve_claim": "通过 31",
    "approve_leave": "准假 小李",
    "ask_reporter": "问 1001 想问什么",
    "assign_case": "派单 1001 单位",
    "attendance_list": "谁没签到",
    "bind": "报到 姓名 手机后四位",
    "bind_chat": "绑定 支部名称",
    "cancel_lesson": "取消 党课",
    "case_feedback": "评价 1001 满意",
    "case_list": "待办",
    "case_query": "进度 1001",
    "check_in": "签到",
    "close_lesson": "结束签到",
    "close_notice": "结束通知 1",
    "coming": "我会来",
    "confirm_members": "确认对上 1",
    "confirm_vouch": "确认代报 小张",
    "decline_case": "不受理 1001 理由",
    "digest": "周报",
    "duty_query": "这个月还差什么",
    "end_series": "停系列 1",
    "export": "导出 考勤",
    "go_above": "直通 1001",
    "grant_points": "加分 小李 5 送考",
    "hazard_report": "隐患 哪里、怎么了",
    "help": "帮助",
    "home_report": "已向流出地汇报",
    "inflow": "流入 流出地党支部 联系人 手机 2026年3月",
    "leaderboard": "积分榜",
    "leave_request": "请假 今晚要跑单",
    "lesson_query": "什么时候上课",
    "make_anonymous": "匿名 1001",
    "make_up": "补课",
    "make_up_note": "心得 学到了什么",
    "materials": "材料 党课",
    "meeting_appeals": "恳谈会清单",
    "merge_case": "并案 1002 到 1001",
    "mobile_members": "流动党员",
    "move_lesson": "改期 党课 周六15:00",
    "my_cases": "我报的",
    "my_lessons": "我的考勤",
    "open_lesson": "开课 10分钟微课堂 主题",
    "open_sites": "随到随学 主题 地点 3天",
    "outflow": "离开支部",
    "party_application": "我想入党",
    "plan_lesson": "计划 党员大会 周五15:00",
    "plan_series": "每周三15:30 10分钟微课堂",
    "points_claim": "申报 做了什么 2小时",
    "points_query": "我的积分",
    "record_appeals": "记诉求 小李 充电柜太少",
    "refuse_leave": "不准假 小李 理由",
    "refuse_vouch": "不认代报 小张",
    "reject_claim": "驳回 31 理由",
    "resolve_case": "办结 1001 怎么办的",
    "resume_case": "复办 1001",
    "return_case": "退单 1001 理由",
    "roster": "名册",
    "route_rules": "派单规则 环境卫生 物业",
    "send_notice": "通知 要说的话",
    "set_duty": "要求 党课 每月1次",
    "set_questions": "出题 党课",
    "show_code": "签到码",
    "suspend_case": "挂账 1001 12月10号 等配件",
    "vouch": "代报 小张",
    "withdraw_case": "撤回 1001",
}
"""How each thing is said so that it cannot be misunderstood."""
NOT_BOUND = "还没报到的话，先发「报到 姓名 手机后四位」。"
NOT_YET = "这件事我还不会{ask}。我会的，发「帮助」看看。"
HERE = "我在。"
DESPAIR = ("自杀", "不想活", "活不下去", "轻生", "想死")
LIFELINE = (
    "先别一个人扛着。现在就可以打 12356（心理援助，24 小时），危急时拨 120 或 110。\n"
    "也请马上跟身边的人、家里人或书记说一声，有人愿意听。"
)
THANKS = ("谢谢", "多谢", "感谢", "辛苦")
ONLY_THANKS = 6
"""Characters: who says more says something besides."""
LOST = "没听明白。{hint}"
HINTS = {
    "member": "可以说「签到」「我的积分」，或者直接说哪里有隐患。全部用法发「帮助」。",
    "secretary": "可以说「开课」「谁没签到」「待办」。全部用法发「帮助」。",
    "contact": "可以说「待办」「受理 1001」「办结 1001 已清运」。",
    "organizer": "可以说「周报」。",
}
ENTERED = (
    "你好，我是小蜂，帮支部签到、报隐患、记积分，诉求可以私下跟我说。\n"
    "第一次用，请先发「报到 姓名 手机后四位」，比如「报到 小李 1234」。我会什么，发「帮助」看看。"
)
GREETED = timedelta(days=7)
"""A stranger is greeted once in so long, however often the private chat is opened."""
WELCOME = (
    "大家好，我是小蜂，帮支部签到、报隐患、记积分。\n"
    "请书记发「绑定 支部名称」，比如「绑定 幸福里流动党支部」，我就开始干活。平时聊天我不插话。"
)


@handles("help", by=Who.ANYONE)
def help_(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """What the sender can say."""
    first = "" if context.person or context.admin else f"\n{NOT_BOUND}"
    return Text(HELP[context.role] + first)


@handles("joined", by=Who.ANYONE)
def joined(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The bot has been added to a group: who it is, and what the secretary should do now."""
    return Text(WELCOME)


@handles("entered", by=Who.ANYONE)
def entered(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Somebody has opened the private chat: a stranger hears who the bot is and how to be known, nobody else does."""
    if context.person is not None or context.admin or not context.private or _greeted(context):
        return None
    return Text(ENTERED)


def _greeted(context: Context) -> bool:
    message = context.message
    query = select(Claim.id).where(
        Claim.received_at > context.now - GREETED,
        Claim.intent == "entered",
        Claim.platform == message.platform,
        Claim.bot == message.bot,
        Claim.sender == message.sender,
    )
    return context.session.scalar(query.limit(1)) is not None


@handles("doubt", by=Who.ANYONE)
def doubt(context: Context, intent: Intent) -> Reply:
    """The bot was meant, and the text is half understood: it may answer what was asked of a case. Nobody is asked to
    say an appeal again in a group."""
    if reply := answered(context, appeal=intent.name == "appeal_file"):
        return reply
    guess = DOUBT.get(intent.name)
    if guess is None:
        return Text(LOST.format(hint=HINTS[context.role]))
    if (number := intent.integer("case")) is not None:
        guess = guess.replace("1001", str(number))
    asked = Text(f"您是不是想说「{guess}」？是的话照这样发一遍。")
    return Privately(asked) if intent.name == "appeal_file" else asked


@handles("none", by=Who.ANYONE)
def lost(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The bot was meant, and the text is not understood, or there is none. It may answer what was asked of a case."""
    hint, text = HINTS[context.role], context.message.text
    thanked = any(word in text for word in THANKS)
    reply = None if thanked and len(text) <= ONLY_THANKS else answered(context)
    if any(word in text for word in DESPAIR):
        return Privately(Text(LIFELINE))
    if reply is not None:
        return reply
    if thanked:
        return Text("不客气。")
    return Text(LOST.format(hint=hint) if text else HERE + hint)


@handles("unknown", by=Who.ANYONE)
def not_yet(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """Understood, but nothing that the bot can do. Nobody who did not ask the bot hears of it."""
    ask = "，请直接跟书记说" if context.role == "member" else ""
    return Text(NOT_YET.format(ask=ask)) if context.message.addressed else None
