"""How a case is called and closed, and whose it is to hear of it: the same for handlers and schedules."""

from sqlalchemy.orm import Session

from bot.content import Button, Card, Form
from models.cases import Case
from models.organisations import Tree
from models.people import Person, Post, posts_of

SECRETARIES = (Post.SECRETARY, Post.DEPUTY, Post.LEADER)
"""Who runs the cases of an organisation."""
MOVED = "{number} 不在群里办了。"


def name_of(case: Case) -> str:
    """How a case is called in a sentence: its number and, unless it is confidential, what it is about."""
    return f"{case.number}（诉求）" if case.confidential else f"{case.number}（{case.place or case.category}）"


def resolve_form(case: Case) -> Form:
    """A line for what was done, with 办结."""
    return Form("怎么办的", Button("办结", f"办结 {case.number}", f"case:{case.number}"))


def moved_card(session: Session, case_id: int) -> Card:
    """What is left of a hazard's card in a group once the hazard has turned out to be an appeal."""
    return Card(MOVED.format(number=session.get_one(Case, case_id).number))


def leaders_near(session: Session, tree: Tree, case: Case, but: Person | None = None) -> list[Person]:
    """The secretaries who run the case, of the nearest organisation that has any; ``but``: who knows already."""
    for organisation in (case.organisation, *tree.above(case.organisation)):
        offices = posts_of(session, organisation, *SECRETARIES)
        if found := [person for person in offices if person is not but]:
            return found
    return []
