"""The city of the month: a 两新工委, two 行业党委, six branches, six units. Of the product it knows the records."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.chats import Chat
from models.organisations import Organisation, OrganisationKind
from models.people import Identity, Occupation, Person, Post, Status
from tests.year.town import FOUNDED

TOP = "金城区两新工委"
COMMITTEES = ("快递行业党委", "外卖行业党委")
BRANCHES = ("桥东支部", "桥西支部", "河南支部", "河北支部", "塔前支部", "塔后支部")
UNITS = ("幸福物业", "滨河城管", "金城供电", "安居市政", "清洁环卫", "平安交警")
MEMBERS = 8
"""Of each branch, beside the secretary."""


@dataclass(frozen=True, slots=True)
class Branch:
    """By names: a branch, the committee above it, its secretary and who reports there."""

    name: str
    committee: str
    secretary: str
    members: tuple[str, ...]

    @property
    def chat(self) -> str:
        """Its group."""
        return f"oc_{self.name}"


def contact(unit: str) -> str:
    """The 联系人 of a unit."""
    return f"{unit}联系人"


def branches() -> list[Branch]:
    """All branches, half of them below each committee."""
    return [
        Branch(
            name,
            COMMITTEES[number * len(COMMITTEES) // len(BRANCHES)],
            f"{name}书记",
            tuple(f"{name}骑手{member}" for member in range(MEMBERS)),
        )
        for number, name in enumerate(BRANCHES)
    ]


class Founding:
    """Writes the city into a database."""

    def __init__(self, session: Session) -> None:
        self._session = session
        top = self._organisation(TOP, OrganisationKind.COMMITTEE, None)
        self._person(top, "工委书记", Post.SECRETARY)
        self._person(top, "工委组织员", Post.ORGANISER)
        committees = {name: self._organisation(name, OrganisationKind.COMMITTEE, top) for name in COMMITTEES}
        for name, committee in committees.items():
            self._person(committee, f"{name}书记", Post.SECRETARY)
        for branch in branches():
            self._found(branch, committees[branch.committee])
        for name in UNITS:
            unit = self._organisation(name, OrganisationKind.UNIT, top)
            self._person(unit, contact(name), Post.CONTACT)
            self._tie(unit)

    def _found(self, branch: Branch, committee: Organisation) -> None:
        organisation = self._organisation(branch.name, OrganisationKind.BRANCH, committee)
        self._person(organisation, branch.secretary, Post.SECRETARY)
        for name in branch.members:
            self._person(organisation, name, None)
        self._tie(organisation)

    def _organisation(self, name: str, kind: OrganisationKind, parent: Organisation | None) -> Organisation:
        path = f"{parent.path}/{name}" if parent else name
        made = Organisation(parent_id=parent and parent.id, name=name, path=path, kind=kind, created_at=FOUNDED)
        self._session.add(made)
        self._session.flush()
        return made

    def _person(self, organisation: Organisation, name: str, post: Post | None) -> None:
        made = Person(
            organisation_id=organisation.id,
            name=name,
            phone="13900000000",
            phone_digest=name,
            status=Status.FULL,
            post=post,
            occupation=Occupation.OTHER,
            mobile=False,
            home_organisation="",
            vote_here=True,
            created_at=FOUNDED,
        )
        self._session.add(made)
        self._session.flush()
        self._session.add(Identity(provider="feishu", ref=f"ou_{name}", person_id=made.id, bound_at=FOUNDED))

    def _tie(self, organisation: Organisation) -> None:
        ref = f"oc_{organisation.name}"
        chat = Chat(
            platform="feishu",
            bot="main",
            ref=ref,
            title=ref,
            organisation_id=organisation.id,
            tied_at=FOUNDED,
            seen_at=FOUNDED,
        )
        self._session.add(chat)
