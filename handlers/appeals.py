"""Appeals (诉求): heard in private. Begun in a group, they are moved to private chat and not repeated there."""

import re
from dataclasses import replace

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.additions import answered
from handlers.appeal_meetings import meeting_now
from handlers.assistance import DESPAIR, LIFELINE
from handlers.cases import actor_of, dispatchers, not_found, numbered_case
from handlers.dispatching import dispatcher_card
from handlers.registering import EMERGENCY, Told, completed, new_case, reporter
from models.cases import Case, CaseKind, Part, collect
from models.organisations import Organisation

OPENER = re.compile("我|要|想|有|提|个|一|匿名|直通|反映|诉求|申诉|投诉|维权|求助")
WORDS = re.compile(r"[^\W\d]")
COMMAND = re.compile(r"^\W*(?:我?[想要]*提?个?)?(?:匿名|直通|诉求|反映|申诉|投诉|维权|求助)")
"""What begins an appeal, and does not answer what was asked of one."""
ABOVE = re.compile(r"^\W*(?:我?[想要]*)?(?:匿名)?(?:诉求直通|直通)")
"""What goes to the next organisation up, past the appellant's own branch."""
WHAT = "什么事？请照这样私下发给我：「诉求 站点扣了我两百块没说理由」。"
IN_GROUP = "已收到一条诉求，已私下跟进。"
NO_BRANCH = "还不知道你是哪个支部的。请先发「报到 姓名 手机后四位」，再把诉求私下发给我，群里谁也看不到。"
HEARD = "已经私下告诉书记"
HEARD_ABOVE = "已经私下告诉{organisation}的书记，支部的书记看不到"
TURNED = "🔒 {number} 改成诉求了（{category}），{told}，群里再也查不到。"
NOT_HEARD = "书记还没有报到，我会继续留着"
HEARD_BY_ONESELF = "上面没有别的书记了，记在你自己的「待办」里"
NOBODY_SEES = "，群里谁也看不到"
GROUP_SAW = "你在群里说的那句，群里的人看得到，想收回请现在撤回；后面都在这里说。"
PHOTOS_LEFT = "群里的照片没有放进去，要放请在这里发。"
NAMED = "{whose}书记看得到是你提的，经办单位看不到；不写名字发「匿名 {number}」{up}。"
UP = "，要上一级来办发「直通 {number}」"
UNKNOWN_TO_ROSTER = "书记只看到是没报到的群众提的。"
NOT_NAMED = "书记和经办单位都看不到是你提的，我只记着怎么回复你。"
NEXT = "有进展我在这里告诉你；想看进度，发「进度 {number}」，补充发「补充 {number} …」。"
NOW_UNNAMED = "{number} 从现在起匿名：卡片和台账上都不写你的名字。书记之前已经看到的，收不回来。"
ALREADY_UNNAMED = "{number} 已经是匿名的。"
NOT_BY_YOU = "{number} 不是你报的，不能改成匿名。"
WHICH = "请带上编号，比如「匿名 1024」。要新提一条，请发「匿名诉求 什么事」。"


@handles("appeal_file", by=Who.ANYONE)
def appeal_file(context: Context, intent: Intent) -> Reply:
    """Registers an appeal, and tells the secretary in private; or it answers what was asked of one."""
    if not WORDS.search(OPENER.sub("", intent.text("text") or context.message.text)):
        return Privately(Text(WHAT))
    despair = any(word in context.message.text for word in DESPAIR)
    if not despair and not COMMAND.search(context.message.text) and (reply := answered(context, appeal=True)):
        return reply
    # One's own secretary hears it, in whatever group it was begun: not that of a company or a unit.
    own = context.person.organisation if context.person else context.organisation
    first = [*([EMERGENCY] if intent.danger else []), *([LIFELINE] if despair else [])]
    if own is None:
        return Privately(Text("\n".join([*first, NO_BRANCH])))
    organisation = _next_above(context, own) if ABOVE.search(context.message.text) else own
    case = collect(context.session, _new_appeal(context, intent, organisation), reporter(context))
    if context.chat is not None:
        context.say(context.chat, Text(IN_GROUP))
    heard = context.tell_all(dispatchers(context, case), dispatcher_card(context, case, "🔒"))
    receipt = _receipt(context, case, own, intent, heard=bool(heard))
    return Privately(Text("\n".join([*first, receipt])))


def _next_above(context: Context, own: Organisation) -> Organisation:
    """The organisation over one's own; that itself where there is none."""
    return next(iter(context.batch.tree.above(own)), own)


def _new_appeal(context: Context, intent: Intent, organisation: Organisation) -> Case:
    told = completed(context, Told.of_message(context, intent, CaseKind.APPEAL))
    if not context.private:
        told = replace(told, photos=())  # what a group has seen never joins an appeal
    case = new_case(context, told, organisation)
    case.chat_id = None  # where it was begun is nobody's business
    case.meeting_id = meeting_now(context, organisation)
    return case


def _receipt(context: Context, case: Case, own: Organisation, intent: Intent, *, heard: bool) -> str:
    """What the appellant is told, which is no more than what is so: a group has seen what was said in it.

    What was said there may have been asked about in private, and answered there (see ``bot.offers``).
    """
    here = case.organisation is own
    told = HEARD if here else HEARD_ABOVE.format(organisation=case.organisation.name)
    unheard = HEARD_BY_ONESELF if context.runs(case.organisation) else NOT_HEARD
    lines = [f"🔒 诉求记下了，编号 {case.number}（{case.category}），{told if heard else unheard}"]
    if context.private and not intent.integer("seen"):
        lines[0] += f"{NOBODY_SEES}。"
    else:
        lines[0] += "。"
        left = intent.integer("photos_left") if context.private else context.message.photos
        lines.append(GROUP_SAW + (PHOTOS_LEFT if left else ""))
    up = UP if here and context.batch.tree.above(own) else ""
    lines += [_who_sees(case, "" if here else "那边的", up), NEXT]
    return "\n".join(lines).replace("{number}", str(case.number))


def turned_receipt(context: Context, case: Case, *, seen: bool, photos_left: bool, heard: bool) -> str:
    """What is told of an appeal that was told as a hazard; ``seen``: a group has read it."""
    own = case.organisation
    lines = [TURNED.format(number=case.number, category=case.category, told=HEARD if heard else NOT_HEARD)]
    if seen:
        lines.append(GROUP_SAW + (PHOTOS_LEFT if photos_left else ""))
    lines += [_who_sees(case, "", UP if context.batch.tree.above(own) else ""), NEXT]
    return "\n".join(lines).replace("{number}", str(case.number))


def _who_sees(case: Case, whose: str, up: str) -> str:
    """``up``: how it is brought to the next organisation, if there is one."""
    if case.anonymous:
        return NOT_NAMED
    if case.reporter is None:
        return UNKNOWN_TO_ROSTER
    return NAMED.replace("{whose}", whose).replace("{up}", up)


@handles("make_anonymous", by=Who.ANYONE)
def make_anonymous(context: Context, intent: Intent) -> Reply:
    """匿名: the reporter's name is shown to nobody from now on."""
    number = intent.integer("case")
    if number is None:
        return Privately(Text(WHICH))
    case = numbered_case(context, number)
    if case is None:
        return not_found(number)
    if Part.REPORTER not in actor_of(context, case).parts:
        return Privately(Text(NOT_BY_YOU.format(number=number)))
    said = ALREADY_UNNAMED if case.anonymous else NOW_UNNAMED
    case.anonymous = True
    return Privately(Text(said.format(number=number)))
