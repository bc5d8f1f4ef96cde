"""The reporter's word on a case that is done: 满意, 基本满意, or 未解决, which opens it again."""

import re
from dataclasses import replace

from sqlalchemy import select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.case_words import resolve_form
from bot.reports.follow_up import asked_lately
from bot.understanding.intent import Intent
from handlers.additions import answered
from handlers.cases import case_card, do, last_step, name_of, not_found, numbered_case, runners, tell_unit
from handlers.ladder import too_often
from models.cases import Action, Case, CaseState, Rating
from models.escalations import Cause

RATED_BY = {
    Rating.UNSOLVED: (
        *("不满意", "没解决", "没有解决", "未解决", "没处理", "没人", "没清", "没修", "没弄", "没办", "没动", "还是没"),
        *("不行", "不好", "差评", "老样子", "那样"),
    ),
    Rating.FAIR: ("基本", "还算", "比较满意", "一般", "凑合", "还行", "还可以"),
    Rating.SATISFIED: ("满意", "很好", "挺好", "不错", "好评", "五星", "解决了"),
}
"""The words of a rating; what is said first counts: 满意，就是没人打个电话."""


LATEST = 10
"""Cases of one reporter among which the one is looked for that a word without a number may be about."""
NOTHING = "没有等你评价的事。"
ASKED = "办得怎么样？请回复「评价 {number} 满意」「基本满意」或「未解决」。"
_RATING = re.compile(
    r"^(?:评价|给)?\s*\d*\s*号?\s*[,，:：]?\s*"
    r"(?:[还根本问题]*(?:没有?|未)解决\s*\d*"
    r"|(?:[打评]?\s*[1-5一二三四五]\s*[分星]|(?:很|非常|十分|挺|还算|比较|基本|不太?)?满意|评价)"
    r"\s*\d*(?=$|[\s,，。.!！:：;；~、了啊呢的]))"
)
"""The rating itself at the beginning, with the number of the case before or after it."""
_EDGES = re.compile(r"^[\s,，。.!！:：;；~、了啊呢的]+|[\s,，]+$")
_WORDS = re.compile(r"[^\W\d_]{2}")


@handles("case_feedback", by=Who.ANYONE)
def feedback(context: Context, intent: Intent) -> Reply | None:
    """The reporter's word on a case that is done; 未解决 opens it again."""
    number = intent.integer("case")
    case = numbered_case(context, number) if number is not None else _waiting_for_rating(context)
    if case is None and number is not None:
        return not_found(number)
    if case is None:
        return answered(context) or (Privately(Text(NOTHING)) if context.message.addressed else None)
    said = context.message.text
    rating = rating_of(intent, said)
    if rating is None:
        return Privately(Text(ASKED.format(number=case.number)))
    reason = reason_of(said)
    words = f"{rating}：{reason}" if reason else str(rating)
    done = do(context, case, Action.REOPEN if rating is Rating.UNSOLVED else Action.RATE, words)
    if not isinstance(done, Case):
        return done
    case.rating = rating
    return _reopened(context, case, reason) if rating is Rating.UNSOLVED else Privately(_thanks(case, rating))


def _thanks(case: Case, rating: Rating) -> Text:
    return Text(f"谢谢，{case.number} 记为「{rating}」。")


def _reopened(context: Context, case: Case, reason: str) -> Reply:
    """The unit goes on with it; every third time it is brought to the next organisation at once."""
    people = runners(context, case, knows=False)
    level = too_often(context, case, Cause.REOPENED, last_step(context, case))  # it tells those of that level
    raised = f"，已提级到{level.name}" if level is not None else ""
    why = f"：{reason}" if reason else ""
    told = Text(f"{name_of(case)}报的人说还没解决{why}。已重办（第 {case.reopened} 次）{raised}。")
    context.tell_all(people, told)
    if case.unit is not None:
        hint = f"报的人说还没解决{why}。办好后「办结 {case.number} 怎么办的」。"
        card = case_card(case, f"🔁 重办 {case.number}", (), hint)
        tell_unit(context, case, case.unit, replace(card, form=resolve_form(case)))
    return Privately(Text(f"{case.number} 已经重新打开{raised}，会接着办，办好了再告诉你。"))


def reason_of(said: str) -> str:
    """What was said beside the rating itself: 还是堆着 of 没解决，还是堆着. Empty where there is nothing."""
    left = _RATING.sub("", said.strip(), count=1)
    return _EDGES.sub("", left) if _WORDS.search(left) else ""


def rating_of(intent: Intent, said: str) -> Rating | None:
    """The rating that stars or words mean; None where they judge nothing."""
    points = intent.integer("points")
    if points is not None:
        return Rating.SATISFIED if points >= 4 else Rating.FAIR if points == 3 else Rating.UNSOLVED
    found = [(said.find(word), rating) for rating, words in RATED_BY.items() for word in words if word in said]
    return min(found, key=lambda place_and_rating: place_and_rating[0])[1] if found else None


def _waiting_for_rating(context: Context) -> Case | None:
    """The sender's case that was 办结 last. In a group people also judge other things: it must have been lately."""
    query = select(Case).where(
        Case.reporter_platform == context.message.platform,
        Case.reporter_ref == context.message.sender,
        Case.state == CaseState.RESOLVED,
    )
    cases = context.session.scalars(query.order_by(Case.resolved_at.desc()).limit(LATEST)).all()
    if context.message.addressed:
        return next(iter(cases), None)
    # Whoever has an appeal speaks of it in private.
    return next((case for case in cases if not case.confidential and asked_lately(case, context.now)), None)
