"""派单规则: the secretary says which unit the cases of a category go to, here and in everything below."""

import re
from collections import defaultdict

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.categories import OTHER
from bot.understanding.intent import Intent
from bot.understanding.normalise import normalise
from handlers.case_labels import categories_of
from handlers.dispatching import NO_UNITS, asked_back, unit_named
from models.cases import CaseKind
from models.organisations import Organisation
from models.routes import Route, unit_for

HOW = "定规则发「派单规则 环境卫生 物业」，不要了发「派单规则 环境卫生 取消」。"
NONE_YET = "{organisation}还没有派单规则，隐患和诉求都先到书记这里。{how}"
NO_ORGANISATION = "请先在支部群里发「绑定 支部名称」。"
NOT_YOURS = "{organisation}的派单规则由那边的书记来定。"
WHICH_CATEGORY = "没有这个类别。隐患有：{hazards}。诉求有：{appeals}。请发「派单规则 环境卫生 物业」这样一句。"
OTHERS = "「其他」什么事都有，不定规则，由书记看着派。"
SET = "好，{organisation}的「{categories}」以后{done}。"
DIRECTLY = "直接派给{unit}，派错了您随时可以转办"
SUGGESTED = "先到书记这里，{unit}排在第一个"
DROPPED = "还是先到书记这里"
_ASKS = re.compile(r"[吗么?]\W*$|谁|哪")
_HEAD = re.compile(r"^.*?派单规则[\s,.:;]*(?:改成|改为)?")
_BESIDE = re.compile(r"^(?:[类的都以后一律全部,\s.:;和跟]|归|属于|派给|派到|交给|转给|转到|由|改成|改为)+|[\s,.:;!]+$")
_DROPS = re.compile(r"(?:取消|删除|删掉|不要|去掉|不派|书记)[了派定办]?")
_MANAGES = re.compile(r"(?:来|去)?(?:管|处理|负责|办|办理)$")


@handles("route_rules", by=Who.SECRETARY)
def route_rules(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """Sets or drops the rule of one category or several; without a category it lists what there is."""
    organisation = context.organisation
    if organisation is None:
        return Privately(Text(NO_ORGANISATION))
    if not context.runs(organisation):
        return Privately(Text(NOT_YOURS.format(organisation=organisation.name)))
    said = _HEAD.sub("", normalise(context.message.text).folded, count=1).strip()
    named, rest = _categories_in(said)
    if not said or (not named and _ASKS.search(said)):
        return Text(rules_text(context, organisation))
    if not named:
        return Privately(Text(OTHERS if OTHER in said else _which_category()))
    if not rest or _ASKS.search(rest):
        return Text(rules_text(context, organisation))
    return _set(context, organisation, named, rest)


def _categories_in(said: str) -> tuple[list[tuple[CaseKind, str]], str]:
    """The categories that are named, and what is said besides: the unit."""
    every = [(kind, name) for kind in CaseKind for name in categories_of(kind) if name != OTHER]
    named = [(kind, name) for kind, name in every if name in said]
    for _, name in named:
        said = said.replace(name, " ")
    return named, _MANAGES.sub("", _BESIDE.sub("", said.strip())).strip()


def _which_category() -> str:
    hazards, appeals = ("、".join(categories_of(kind)[:-1]) for kind in (CaseKind.HAZARD, CaseKind.APPEAL))
    return WHICH_CATEGORY.format(hazards=hazards, appeals=appeals)


def _set(context: Context, organisation: Organisation, named: list[tuple[CaseKind, str]], rest: str) -> Reply:
    unit = None if _DROPS.fullmatch(rest) else unit_named(context.batch.tree, organisation, rest)
    if isinstance(unit, list):
        asked = asked_back(context.batch.tree, organisation, rest, unit)
        again = "" if asked == NO_UNITS else f"请发「派单规则 {named[0][1]} 单位」。"
        return Privately(Text(f"{asked}{again}"))
    for kind, category in named:
        context.session.add(_rule(context, organisation, kind, category, unit))
    categories = "、".join(category for _, category in named)
    hazards = any(kind is CaseKind.HAZARD for kind, _ in named)
    done = DROPPED if unit is None else (DIRECTLY if hazards else SUGGESTED).format(unit=unit.name)
    return Text(SET.format(organisation=organisation.name, categories=categories, done=done))


def _rule(
    context: Context, organisation: Organisation, kind: CaseKind, category: str, unit: Organisation | None
) -> Route:
    return Route(
        organisation_id=organisation.id,
        kind=kind,
        category=category,
        unit_id=unit and unit.id,
        set_by=context.person.id if context.person else None,
        set_at=context.now,
        message_id=context.message_id,
    )


def rules_text(context: Context, organisation: Organisation) -> str:
    """What goes where in the organisation, one line a unit, by its own rules and those from above."""
    by_unit: defaultdict[str, list[str]] = defaultdict(list)
    for kind in CaseKind:
        for category in categories_of(kind):
            unit = unit_for(context.session, context.batch.tree, organisation, kind, category)
            if unit is not None:
                by_unit[unit.name].append(category)
    if not by_unit:
        return NONE_YET.format(organisation=organisation.name, how=HOW)
    lines = [f"{unit}：{'、'.join(categories)}" for unit, categories in by_unit.items()]
    title = f"{organisation.name}的派单规则，没写到的先到书记这里；诉求总是先到书记这里。"
    return "\n".join([title, *lines, HOW])
