"""A branch and its cases of a quarter, in which everything happens that a ledger of cases must tell apart."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from bot.reports.case_ledger import CaseWanted, Level
from bot.reports.ledgers import Period, Wanted
from models.cases import Action, CaseKind
from models.escalations import Cause
from models.organisations import OrganisationKind
from models.people import Post
from tests.unit.case_city import Cases
from tests.unit.city import City, shanghai
from tests.unit.ledger_city import DANGEROUS

NOW = shanghai(11, 23, 15)
HOUR = timedelta(hours=1)
SECRETS = ("青铜鲸鱼", "琥珀电梯", "小诉")
"""Two words of appeals, and the name of an appellant."""


@dataclass(frozen=True)
class Told:
    """Ids of what ``settle`` has made."""

    top: int
    branch: int


def settle(session: Session) -> Told:
    """Makes it all, with texts that a spreadsheet would run, and a unit whose name looks like a condition."""
    city, cases = City(session), Cases(session)
    top = city.organisation("快递行业党委", OrganisationKind.COMMITTEE)
    branch = city.organisation("甲支部", parent=top)
    other = city.organisation("乙支部", parent=top)
    wuye = city.organisation("物业", OrganisationKind.UNIT, parent=top)
    odd = city.organisation(">0*", OrganisationKind.UNIT, parent=top)
    wang = city.person(branch, "王书记", Post.SECRETARY)
    lee, appellant, neighbour = (
        city.person(org, name) for org, name in ((branch, "小李"), (branch, SECRETS[2]), (other, "小邻"))
    )
    october = shanghai(10, 12, 9)

    carried = cases.told(branch, shanghai(9, 28, 9), category="道路交通", reporter=lee, text=DANGEROUS[0])
    cases.urged(cases.urged(carried, Cause.ACCEPT, shanghai(9, 28, 11)), Cause.RESOLVE, shanghai(10, 9, 9))
    cases.done(carried, october, DANGEROUS[3])
    cases.do(carried, Action.REOPEN, october + HOUR, "未解决：还是堆着", by=lee)
    cases.done(carried, october + 5 * HOUR, "这回清了")
    cases.do(carried, Action.RATE, october + 6 * HOUR, "基本满意", by=lee)
    quick = cases.told(branch, october, place="东门", reporter=neighbour, urgent=True)
    cases.sent(quick, october + HOUR, odd)
    cases.do(quick, Action.ACCEPT, october + 2 * HOUR)
    cases.done(quick, october + 4 * HOUR)
    cases.follow(quick, "ou_a", "ou_b")
    late = cases.sent(cases.told(branch, october, category="道路交通"), october + HOUR, wuye)
    cases.urged(late, Cause.RESOLVE, october + timedelta(days=7))
    cases.told(branch, october, category="消防安全", reporter=lee, anonymous=True, text="小李看到的")
    for action in (Action.DECLINE, Action.MERGE, Action.WITHDRAW):
        cases.do(cases.told(branch, october), action, october + HOUR, "不算")
    over = cases.done(cases.told(branch, shanghai(8, 3, 9)), shanghai(8, 4, 9))
    cases.do(over, Action.RATE, shanghai(8, 5, 9), "满意")
    cases.told(other, october)
    cases.done(cases.told(branch, shanghai(11, 20, 9)), NOW + HOUR)

    first = cases.told(
        branch,
        october,
        CaseKind.APPEAL,
        category="劳动报酬",
        reporter=appellant,
        text=f"我是{SECRETS[2]}，{SECRETS[0]}扣了我两百块",
    )
    cases.do(first, Action.ACCEPT, october + HOUR, by=wang)
    cases.done(first, october + 9 * HOUR, f"{SECRETS[2]}的钱补了")
    cases.do(first, Action.RATE, october + 10 * HOUR, "满意", by=appellant)
    hidden = cases.told(
        branch, october, CaseKind.APPEAL, category="工伤事故", reporter=lee, anonymous=True, text=f"小李{SECRETS[1]}"
    )
    cases.sent(hidden, october + HOUR, wuye)
    for number in range(5):
        cases.told(branch, october, CaseKind.APPEAL, category="停车充电", ref=f"ou_{number}", text=SECRETS[0])
    session.flush()
    return Told(top.id, branch.id)


def about(kind: CaseKind, organisation_id: int, level: Level = Level.INTERNAL) -> CaseWanted:
    """The ledger of the last quarter of 2026, as of 23 November."""
    days = Period(shanghai(10, 1, 12).date(), shanghai(12, 31, 12).date())
    return CaseWanted(kind, Wanted(organisation_id, days, NOW), level)
