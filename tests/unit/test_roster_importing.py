"""Importing a roster: all rows or none, again as often as one likes, and fast."""

import itertools
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.roster import ImportResult, RosterError, import_roster, read_roster, run_import
from models.audit import AuditEntry
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.people import Identity, Occupation, Person, Post, Status
from models.sealing import digest
from tests.conftest import START

HEADER = "组织,组织类型,姓名,手机,身份,职务,职业,流动,流出地党组织,feishu"
ROSTER = f"""{HEADER}
兰州市快递行业党委/顺丰速运党支部,,张三,13800000001,正式党员,书记,快递,否,,ou_1
兰州市快递行业党委/顺丰速运党支部/中转场党小组,党小组,李四,13800000002,正式党员,,快递,是,临洮县某村党支部,
幸福里物业,责任单位,,,,,,,,
"""
COMMITTEE = "兰州市快递行业党委"
BRANCH = f"{COMMITTEE}/顺丰速运党支部"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "roster.csv"
    file.write_text(ROSTER, encoding="utf-8")
    return file


def take(database: Database, path: Path, text: str = "") -> ImportResult:
    if text:
        path.write_text(text, encoding="utf-8")
    with database.write.begin() as session:
        return import_roster(session, read_roster(path), START)


def person(session: Session, phone: str = "13800000001") -> Person:
    return session.scalars(select(Person).where(Person.phone_digest == digest(phone))).one()


def identities(session: Session) -> list[tuple[str, str, str]]:
    query = select(Person.name, Identity.provider, Identity.ref).join(Identity.person).order_by(Identity.ref)
    return [(name, provider, ref) for name, provider, ref in session.execute(query)]


def test_a_first_import(database: Database, path: Path) -> None:
    result = take(database, path)

    assert result == ImportResult(4, 0, 2, 0, 0, 1)
    with database.read() as session:
        kinds = {org.path: org.kind for org in session.scalars(select(Organisation))}
        assert kinds == {
            COMMITTEE: OrganisationKind.COMMITTEE,
            BRANCH: OrganisationKind.BRANCH,
            f"{BRANCH}/中转场党小组": OrganisationKind.GROUP,
            "幸福里物业": OrganisationKind.UNIT,
        }
        secretary, mobile = person(session), person(session, "13800000002")
        assert (secretary.name, secretary.phone, secretary.post) == ("张三", "13800000001", Post.SECRETARY)
        assert (secretary.status, secretary.occupation) == (Status.FULL, Occupation.PARCEL)
        assert secretary.vote_here
        assert not mobile.vote_here
        assert secretary.acts_for(mobile.organisation)
        assert identities(session) == [("张三", "feishu", "ou_1")]
        assert session.scalars(select(Identity.platform)).all() == [None]


def test_the_audit_has_counts_and_no_names(database: Database, path: Path) -> None:
    take(database, path)

    with database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.at, entry.actor_id, entry.action) == (START, None, "import")
    assert entry.subject == ("organisations 4 new 0 changed, people 2 new 0 changed 0 unchanged, identities 1 bound")


def test_the_same_file_again_changes_nothing(database: Database, path: Path) -> None:
    take(database, path)

    assert take(database, path) == ImportResult(0, 0, 0, 0, 2, 0)


def test_the_phone_says_who_it_is(database: Database, path: Path) -> None:
    take(database, path)

    result = take(
        database,
        path,
        f"{HEADER}\n{COMMITTEE}/京东物流党支部,,张三丰,13800000001,预备党员,,货车,是,某党委,ou_1\n{BRANCH},党委,,,,,,,,\n",
    )

    assert result == ImportResult(1, 1, 0, 1, 0, 0)
    with database.read() as session:
        changed = person(session)
        assert (changed.name, changed.organisation.name) == ("张三丰", "京东物流党支部")
        assert (changed.status, changed.post, changed.occupation) == (Status.PROBATIONARY, None, Occupation.TRUCK)
        assert (changed.mobile, changed.home_organisation, changed.vote_here) == (True, "某党委", False)


def test_columns_that_a_file_leaves_out_stay_as_recorded(database: Database, path: Path) -> None:
    take(database, path)

    result = take(database, path, f"组织,姓名,手机,wecom\n{BRANCH},张三,13800000001,zhangsan\n")

    assert result == ImportResult(0, 0, 0, 0, 1, 1)
    with database.read() as session:
        kept = person(session)
        assert (kept.status, kept.post, kept.vote_here) == (Status.FULL, Post.SECRETARY, True)
        assert identities(session) == [("张三", "feishu", "ou_1"), ("张三", "wecom", "zhangsan")]


def test_a_kind_that_is_not_stated_stays(database: Database, path: Path) -> None:
    take(database, path)
    take(database, path, f"组织,姓名,手机\n{COMMITTEE},王五,13800000003\n")

    with database.read() as session:
        committee = session.scalars(select(Organisation).where(Organisation.path == COMMITTEE)).one()
        assert committee.kind is OrganisationKind.COMMITTEE


def test_an_id_of_somebody_else_is_refused(database: Database, path: Path) -> None:
    take(database, path)

    with pytest.raises(RosterError) as caught:
        take(database, path, "组织,姓名,手机,feishu\n乙,王五,13800000003,ou_1\n乙,李四,13800000002,ou_1x\n")

    assert [str(problem) for problem in caught.value.problems] == [
        "第 2 行：feishu 的 id 已经绑定给「张三」，请核对是谁的"
    ]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Organisation)) == 4
        assert identities(session) == [("张三", "feishu", "ou_1")]


def test_mistaken_ids_that_nobody_has_used_can_be_put_right(database: Database, path: Path) -> None:
    header = "组织,姓名,手机,feishu"
    take(database, path, f"{header}\n甲,张三,13800000001,ou_2\n甲,李四,13800000002,ou_1\n")

    result = take(database, path, f"{header}\n甲,张三,13800000001,ou_1\n甲,李四,13800000002,ou_2\n")

    assert result.identities_bound == 2
    with database.read() as session:
        assert identities(session) == [("张三", "feishu", "ou_1"), ("李四", "feishu", "ou_2")]


def test_an_id_that_has_been_met_is_kept_beside_the_new_one(database: Database, path: Path) -> None:
    take(database, path)
    with database.write.begin() as session:
        met = session.scalars(select(Identity)).one()
        met.platform, met.bot = "feishu", "main"

    take(database, path, f"组织,姓名,手机,feishu\n{BRANCH},张三,13800000001,ou_of_another_app\n")

    with database.read() as session:
        assert [ref for _, _, ref in identities(session)] == ["ou_1", "ou_of_another_app"]


class Output:
    """What the command said."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.complaints: list[str] = []

    def run(self, database: Database, path: Path, *, dry_run: bool = False) -> int:
        return run_import(
            database,
            path,
            dry_run=dry_run,
            now=START,
            write=self.written.append,
            complain=self.complaints.append,
        )


COUNTS = ["组织：新增 4，更新 0", "人员：新增 2，更新 0，没有变化 0", "平台身份：绑定 1"]


def test_the_command_prints_counts(database: Database, path: Path) -> None:
    output = Output()

    assert output.run(database, path) == 0

    assert output.written == [*COUNTS, "已导入。"]
    with database.read() as session:
        assert person(session).name == "张三"


def test_a_dry_run_prints_the_same_and_writes_nothing(database: Database, path: Path) -> None:
    output = Output()

    assert output.run(database, path, dry_run=True) == 0

    assert output.written[:3] == COUNTS
    assert "没有写入" in output.written[3]
    with database.read() as session:
        for table in (Organisation, Person, Identity, AuditEntry):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_every_problem_of_file_and_records_is_told_and_nothing_written(database: Database, path: Path) -> None:
    take(database, path)
    path.write_text(f"{HEADER}\n新党支部,,王五,13800000003,,,,,,ou_1\n新党支部,,赵六,13800000001x,,,,,,\n", "utf-8")
    output = Output()

    assert output.run(database, path) == 1

    assert output.written == []
    assert output.complaints == [
        "第 2 行：feishu 的 id 已经绑定给「张三」，请核对是谁的",
        "第 3 行：手机不对：要 1 开头的 11 位数字",
        "共 2 处要改，什么都没有写入。改好以后再导入一次。",
    ]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 2


def city() -> str:
    """As many as Lanzhou has: 62 organisations with 86 mobile branches below them, and 1,506 people."""
    branches = itertools.cycle(f"兰州市快递行业党委/党组织{n % 61}/流动党支部{n}" for n in range(86))
    people = [f"{next(branches)},,骑手{n},{13_900_000_000 + n},群众,,快递,否,,ou_{n}" for n in range(1506)]
    return "\n".join([HEADER, *people])


def test_a_city_is_imported_within_two_seconds(database: Database, path: Path) -> None:
    path.write_text(city(), encoding="utf-8")

    for expected in (ImportResult(148, 0, 1506, 0, 0, 1506), ImportResult(0, 0, 0, 0, 1506, 0)):
        started = time.monotonic()
        assert take(database, path) == expected
        assert time.monotonic() - started < 2
