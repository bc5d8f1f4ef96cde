"""The reporter's word on a case that is done: 满意, 基本满意, or 未解决, which opens it again."""

from dataclasses import replace

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import UNKNOWN, case_card, dispatchers, do, name_of, resolve_form, tell_unit
from models.cases import Action, Case, CaseState, Rating, find_case

RATED_BY = {
    Rating.UNSOLVED: (
        *("不满意", "没解决", "没有解决", "未解决", "没处理", "没人", "没清", "没修", "没弄", "没办", "没动", "还是没"),
        *("不行", "不好", "差评", "老样子", "那样"),
    ),
    Rating.FAIR: ("基本", "还算", "比较满意", "一般", "凑合", "还行", "还可以"),
    Rating.SATISFIED: ("满意", "很好", "挺好", "不错", "好评", "五星", "解决了"),
}
"""The words of a rating; what is said first counts: 满意，就是没人打个电话."""


@handles("case_feedback", by=Who.ANYONE)
def feedback(context: Context, intent: Intent) -> Reply | None:
    """The reporter's word on a case that is done; 未解决 opens it again."""
    number = intent.integer("case")
    case = find_case(context.session, number) if number is not None else _waiting_for_rating(context)
    if case is None and number is not None:
        return Privately(Text(UNKNOWN.format(number=number)))
    if case is None:
        return Privately(Text("没有等你评价的事。")) if context.message.addressed else None
    rating = rating_of(intent, context.message.text)
    if rating is None:
        return Privately(Text(f"办得怎么样？请回复「评价 {case.number} 满意」「基本满意」或「未解决」。"))
    action = Action.REOPEN if rating is Rating.UNSOLVED else Action.RATE
    done = do(context, case, action, str(rating))
    if not isinstance(done, Case):
        return done
    case.rating = rating
    if action is Action.RATE:
        return Privately(Text(f"谢谢，{case.number} 记为「{rating}」。"))
    told = Text(f"{name_of(case)}报的人说还没解决，已重办（第 {case.reopened} 次）。")
    context.tell_all(dispatchers(context, case), told)
    if case.unit is not None:
        number = case.number
        hint = f"报的人说还没解决。办好后「办结 {number} 怎么办的」；不归你们管就「退单 {number} 理由」。"
        card = case_card(case, f"🔁 重办 {case.number}", (Action.RETURN,), hint)
        tell_unit(context, case, case.unit, replace(card, form=resolve_form(case)))
    return Privately(Text(f"{case.number} 已经重新打开，会接着办，办好了再告诉你。"))


def rating_of(intent: Intent, said: str) -> Rating | None:
    """The rating that stars or words mean; None where they judge nothing."""
    points = intent.integer("points")
    if points is not None:
        return Rating.SATISFIED if points >= 4 else Rating.FAIR if points == 3 else Rating.UNSOLVED
    found = [(said.find(word), rating) for rating, words in RATED_BY.items() for word in words if word in said]
    return min(found, key=lambda place_and_rating: place_and_rating[0])[1] if found else None


def _waiting_for_rating(context: Context) -> Case | None:
    query = select(Case).where(
        Case.reporter_platform == context.message.platform,
        Case.reporter_ref == context.message.sender,
        Case.state == CaseState.RESOLVED,
    )
    return context.session.scalars(query.order_by(Case.resolved_at.desc()).limit(1)).one_or_none()
