"""Whether it is well: what the reporter is asked at 办结, once more after seven days, and never a third time."""

from datetime import datetime, timedelta

from bot.content import Button, Card
from bot.reports.case_words import name_of
from models.cases import Case, Rating

ASKED_AGAIN = timedelta(days=7)
"""After 办结, where there was no answer."""
USEFUL = timedelta(days=3)
"""Later it is not asked, and what is said in a group without a number is no answer to it."""
HINT = "回复「满意」「基本满意」或「未解决」。"


def rating_buttons(case: Case) -> tuple[Button, ...]:
    """满意, 基本满意, 未解决."""
    return tuple(Button(rating, f"评价 {case.number} {rating}", f"case:{case.number}") for rating in Rating)


def follow_up_card(case: Case) -> Card:
    """The second question, and the last."""
    return Card(
        title=f"🔔 你报的 {name_of(case)}办结一周了，现在怎么样？",
        buttons=rating_buttons(case),
        hint=f"{HINT}不回也没关系，不再问了。",
    )


def asked_lately(case: Case, now: datetime) -> bool:
    """Whether a word in a group may answer one of the two questions."""
    if case.resolved_at is None:
        return False
    since = now - case.resolved_at
    return since <= USEFUL or ASKED_AGAIN <= since <= ASKED_AGAIN + USEFUL
