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
