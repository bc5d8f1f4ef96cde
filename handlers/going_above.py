"""直通: the appellant brings an appeal to the next organisation up, without waiting for anybody to be late."""

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import actor_of, last_step, name_of, not_found, numbered_case
from handlers.ladder import raise_up
from models.cases import OPEN_STATES, Case, Part
from models.escalations import Cause
from models.people import LEADING, Post, posts_of

WHICH = "请带上编号，比如「直通 1024」。新的事要直接给上一级，请发「直通诉求 什么事」，支部的书记看不到。"
NOT_BY_YOU = "{number} 要由报的人来直通。"
FOR_HAZARDS = "{number} 是隐患，到时没办会自己提级，不用直通。"
AT_AN_END = "{number} 现在是「{state}」，不能直通了。"
AT_THE_TOP = "{number} 已经到最上一级了：{level}。"
RAISED = "{case}已经私下交给{level}，由那边过问。有进展我在这里告诉你。"
NOBODY_THERE = "{case}交给{level}了，但那边还没有人报到。要紧请直接去找他们，或者打 12345。"


@handles("go_above", by=Who.ANYONE)
def go_above(context: Context, intent: Intent) -> Reply:
    """提级 of an appeal by its reporter, one level each time; the branch is not told."""
    number = intent.integer("case")
    if number is None:
        return Privately(Text(WHICH))
    case = numbered_case(context, number)
    return Privately(Text(_raised(context, case))) if case is not None else not_found(number)


def _raised(context: Context, case: Case) -> str:
    if Part.REPORTER not in actor_of(context, case).parts:
        return NOT_BY_YOU.format(number=case.number)
    if not case.confidential:
        return FOR_HAZARDS.format(number=case.number)
    if case.state not in OPEN_STATES:
        return AT_AN_END.format(number=case.number, state=case.state)
    level = raise_up(context, case, Cause.DIRECT, last_step(context, case))
    if level is None:
        return AT_THE_TOP.format(number=case.number, level=(case.level or case.organisation).name)
    there = context.batch.posting.reach_all(posts_of(context.session, level, *LEADING, Post.ORGANISER))
    return (RAISED if there else NOBODY_THERE).format(case=name_of(case), level=level.name)
