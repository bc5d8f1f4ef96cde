"""Appeals (诉求): heard in private. Begun in a group, they are moved to private chat and not repeated there."""

import re

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import dispatchers
from handlers.hazards import dispatcher_card, new_case, reporter
from models.cases import CaseKind, collect

OPENER = re.compile("我|要|想|有|提|个|一|匿名|反映|诉求|申诉|投诉|维权|求助")
WORDS = re.compile(r"\w")
WHAT = "什么事？请照这样私下发给我：「诉求 站点扣了我两百块没说理由」。"
IN_GROUP = "已收到一条诉求，已私下跟进。"
NO_BRANCH = "还不知道你是哪个支部的。请先发「报到 姓名 手机后四位」，再把诉求私下发给我，群里谁也看不到。"


@handles("appeal_file", by=Who.ANYONE)
def appeal_file(context: Context, intent: Intent) -> Reply:
    """Registers an appeal, and tells the secretary in private."""
    # One's own secretary hears it, in whatever group it was begun: not that of a company or a unit.
    organisation = context.person.organisation if context.person else context.organisation
    if not WORDS.search(OPENER.sub("", intent.text("text") or context.message.text)):
        return Privately(Text(WHAT))
    if organisation is None:
        return Privately(Text(NO_BRANCH))
    case = collect(context.session, new_case(context, intent, CaseKind.APPEAL, organisation), reporter(context))
    case.chat_id = None  # where it was begun is nobody's business
    if context.chat is not None:
        context.say(context.chat, Text(IN_GROUP))
    heard = context.tell_all(dispatchers(context, case), dispatcher_card(context, case, "🔒"))
    told = "已经私下告诉书记" if heard else "书记还没有报到，我会继续留着"
    return Privately(
        Text(
            f"🔒 诉求记下了，编号 {case.number}（{case.category}），{told}，群里谁也看不到。\n"
            f"书记看得到是你提的，经办单位看不到。有进展我在这里告诉你；想看进度，发「进度 {case.number}」。"
        )
    )
