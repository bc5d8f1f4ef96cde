"""What the bot has understood of a case, as cards offer it to be put right with one tap."""

from bot.content import Button, Choice
from bot.understanding.categories import OTHER
from bot.understanding.intent import APPEAL, HAZARD
from bot.understanding.lexicon import category_names
from handlers.cases import URGENT
from models.cases import Case, CaseKind

_INTENTS = {CaseKind.HAZARD: HAZARD, CaseKind.APPEAL: APPEAL}
NOT_URGENT = "不急"


def categories_of(kind: CaseKind) -> tuple[str, ...]:
    """All categories of hazards or of appeals, 其他 last."""
    return (*category_names(_INTENTS[kind]), OTHER)


def category_choice(case: Case) -> Choice:
    """The other categories that the case might have."""
    number, about = case.number, f"case:{case.number}"
    others = (name for name in categories_of(case.kind) if name != case.category)
    return Choice("类别不对？改成", tuple(Button(name, f"改类别 {number} {name}", about) for name in others))


def urgency_button(case: Case) -> Button:
    """Says the other thing of what the case is now: urgent or not."""
    label, word = (NOT_URGENT, NOT_URGENT) if case.urgent else ("很急", URGENT)
    return Button(label, f"{case.number} {word}", f"case:{case.number}")
