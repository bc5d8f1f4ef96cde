"""隐患台账 and 诉求台账: every figure is one of the cases listed, and no more is told than the level allows."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy.orm import Session

from bot.reports.case_book import case_book, columns_of, groups_of, rates_of, title_of
from bot.reports.case_figures import RATES, tally
from bot.reports.case_ledger import CaseLedger, CaseLine, CaseWanted, Level, case_ledger, has_cases
from bot.reports.case_standings import standings
from bot.reports.files import FILES
from bot.reports.ledgers import Period
from bot.reports.workbook import FORMULA
from models.cases import CaseKind, find_case
from models.database import Database
from models.organisations import Organisation
from tests.unit.case_ledger_city import SECRETS, Told, about, settle
from tests.unit.city import shanghai

HAZARD, APPEAL = CaseKind.HAZARD, CaseKind.APPEAL
EVERY = [about(HAZARD, 0), *(about(APPEAL, 0, level) for level in Level)]
OURS = re.compile(r"=(SUM|SUMPRODUCT|IF)\(|=0$")


@pytest.fixture
def told(database: Database) -> Told:
    with database.write.begin() as session:
        return settle(session)


def of(wanted: CaseWanted, organisation_id: int) -> CaseWanted:
    return replace(wanted, wanted=replace(wanted.wanted, organisation_id=organisation_id))


def ledger(database: Database, wanted: CaseWanted) -> CaseLedger:
    with database.read() as session:
        return case_ledger(session, wanted)


def opened(database: Database, wanted: CaseWanted, *, values: bool = True) -> Workbook:
    with database.read() as session:
        return load_workbook(io.BytesIO(case_book(session, wanted)), data_only=values)


def rows(book: Workbook, sheet: str) -> list[tuple[Any, ...]]:
    return [tuple("" if cell is None else cell for cell in row) for row in book[sheet].iter_rows(values_only=True)]


def texts(book: Workbook) -> str:
    return "\n".join(str(cell) for sheet in book for row in rows(book, sheet.title) for cell in row)


def by_state(lines: Any) -> list[tuple[str, ...]]:
    return [(line.came, line.state, line.late, line.rating) for line in lines]


def test_each_hazard_is_listed_with_how_it_stands(database: Database, told: Told) -> None:
    lines = ledger(database, about(HAZARD, told.branch)).lines
    assert by_state(lines) == [
        ("结转", "已评价", "受理超时", "基本满意"),
        ("新收", "已办结", "", ""),
        ("新收", "已派单", "办结超时", ""),
        ("新收", "已收集", "", ""),
        ("新收", "不予受理", "", ""),
        ("新收", "已并案", "", ""),
        ("新收", "已撤回", "", ""),
        ("新收", "已收集", "", ""),
    ]
    first, quick, *_ = lines
    assert (first.reopened, first.result, quick.unit, quick.followers, quick.urgent) == (1, "这回清了", ">0*", 2, True)
    assert (quick.took, quick.resolved_at) == (shanghai(10, 12, 13) - shanghai(10, 12, 9), shanghai(10, 12, 13))
    assert lines[3].unit == "还没派单"


def test_reporters_are_named_to_their_own_organisation_alone(database: Database, told: Told) -> None:
    own = [line.reporter for line in ledger(database, about(HAZARD, told.branch)).lines]
    assert own == ["小李", "", "", "匿名", "", "", "", ""]
    whole = ledger(database, about(HAZARD, told.top)).lines
    assert [line.reporter for line in whole if line.reporter] == ["小李", "小邻", "匿名"]
    assert next(line.text for line in whole if line.reporter == "匿名") == "○○看到的"


def test_every_step_can_be_traced_to_its_message(database: Database, told: Told) -> None:
    made = ledger(database, about(HAZARD, told.branch))
    number = made.lines[0].number
    assert [(step.action, step.who, step.reason) for step in made.steps if step.number == number] == [
        ("登记", "小李", ""),
        ("办结", "小蜂", "@SUM(A1)"),
        ("重办", "小李", "未解决：还是堆着"),
        ("办结", "小蜂", "这回清了"),
        ("评价", "小李", "基本满意"),
    ]
    assert all(step.message_id.isdecimal() for step in made.steps)
    assert {line.number for line in made.lines} == {step.number for step in made.steps}


@pytest.mark.parametrize("kind", [HAZARD, APPEAL])
def test_the_ledger_adds_up_to_the_figures_of_the_digests(database: Database, told: Told, kind: CaseKind) -> None:
    wanted = about(kind, told.top)
    made = ledger(database, wanted)
    with database.read() as session:
        top = session.get_one(Organisation, told.top)
        found = [
            case for case in standings(session, top, wanted.wanted.period.start, wanted.until) if case.kind is kind
        ]
    whole = tally(found, wanted.wanted.period.start, wanted.until)
    spoken = ("rated", "satisfied", "done", "redone")
    assert replace(made.tally, **dict.fromkeys(spoken, 0)) == replace(whole, **dict.fromkeys(spoken, 0))
    assert kind is APPEAL or made.tally == whole


def test_the_overview_shows_parts_and_wholes(database: Database, told: Told) -> None:
    found = rows(opened(database, about(HAZARD, told.branch)), "汇总")
    assert found[2][:5] == ("", "新收", "应受理", "受理", "受理率")
    whole = dict(zip(found[2], found[3], strict=True))
    assert (whole["新收"], whole["应受理"], whole["受理"], whole["受理率"]) == (7, 5, 2, 0.4)
    assert (whole["应办"], whole["已办"], whole["办结率"]) == (4, 1, 0.25)
    assert (whole["到期"], whole["按时办结"], whole["按时办结率"]) == (3, 2, pytest.approx(2 / 3))
    assert (whole["评价"], whole["满意"], whole["满意率"]) == (1, 1, 1)
    assert (whole["办结过"], whole["重办"], whole["重办率"]) == (2, 1, 0.5)
    assert whole["平均用时（小时）"] == pytest.approx((4 + 14 * 24 + 5) / 2)
    names = [row[0] for row in found[3:]]
    assert names == [
        *("合计", "", "类别", "公共设施", "消防安全", "道路交通", "", "组织", "甲支部"),
        *("", "责任单位", "还没派单", "'>0*" if ">0*".startswith(FORMULA) else ">0*", "物业"),
    ]


@pytest.mark.parametrize("wanted", EVERY, ids=lambda wanted: f"{wanted.kind}-{wanted.level.name}")
def test_every_part_sums_up_to_the_whole(database: Database, told: Told, wanted: CaseWanted) -> None:
    book = opened(database, of(wanted, told.top))
    overview, counted = rows(book, "汇总"), rows(book, "计数")
    tables: list[list[tuple[Any, ...]]] = [[]]
    for row in overview[3:]:
        if row[0]:
            tables[-1].append(row)
        else:
            tables.append([])
    whole, parts = tables[0][0], [table[1:] for table in tables[1:]]
    assert len(parts) == len(groups_of(wanted))
    heads = overview[2]
    plain = [place for place, head in enumerate(heads) if place and not head.endswith(("率", "小时）"))]
    assert plain
    for place in plain:
        assert [sum(row[place] for row in table) for table in parts] == [whole[place]] * len(parts)
        at = counted[2].index(heads[place])
        assert counted[-1][at] == whole[place] == sum(row[at] for row in counted[3:-1])


def test_an_open_ledger_of_appeals_tells_numbers_states_and_times(database: Database, told: Told) -> None:
    book = opened(database, about(APPEAL, told.branch, Level.PUBLIC))
    assert book.sheetnames == ["汇总", "清单", "计数"]
    shown = texts(book)
    hidden = (*SECRETS, "劳动报酬", "工伤事故", "物业", "小李", "王书记", "匿名", "满意", "重办", "甲支部/")
    assert [word for word in hidden if word in shown] == []
    assert rows(book, "清单")[2] == (
        *("编号", "本期", "登记时间", "类别", "状态", "受理时间", "办结时间", "用时（小时）", "是否超时"),
    )
    assert [row[3] for row in rows(book, "清单")[3:]] == ["其余", "其余", *["停车充电"] * 5]
    assert rows(book, "清单")[3][7] == 9


def test_four_appellants_of_a_category_are_not_told_apart(database: Database, told: Told) -> None:
    with database.write.begin() as session:
        case = find_case(session, case_ledger(session, about(APPEAL, told.branch)).lines[-1].number)
        assert case is not None
        case.reporter_ref = "ou_0"
    assert "停车充电" not in texts(opened(database, about(APPEAL, told.branch, Level.PUBLIC)))


def test_an_internal_ledger_of_appeals_names_no_appellant(database: Database, told: Told) -> None:
    shown = texts(opened(database, about(APPEAL, told.branch)))
    assert SECRETS[2] not in shown
    assert "小李" not in shown
    assert "我是○○，青铜鲸鱼扣了我两百块" in shown
    assert "○○的钱补了" in shown
    made = ledger(database, about(APPEAL, told.branch))
    first = made.lines[0].number
    assert [(step.action, step.who) for step in made.steps if step.number == first] == [
        ("登记", "诉求人"),
        ("受理", "王书记"),
        ("办结", "小蜂"),
        ("评价", "诉求人"),
    ]


def test_a_secret_ledger_of_appeals_names_those_who_did_not_ask_to_stay_unnamed(database: Database, told: Told) -> None:
    wanted = about(APPEAL, told.branch, Level.SECRET)
    lines = ledger(database, wanted).lines
    assert [line.reporter for line in lines] == [SECRETS[2], "匿名", "", "", "", "", ""]
    shown = texts(opened(database, wanted))
    assert "小李" not in shown
    assert f"{SECRETS[2]}的钱补了" in shown
    assert rows(opened(database, wanted), "清单")[2][6] == "谁提的"


def test_no_level_has_less_than_the_one_before() -> None:
    def labels(level: Level) -> set[str]:
        return {column.label for column in columns_of(about(APPEAL, 0, level))}

    assert labels(Level.PUBLIC) < labels(Level.INTERNAL) < labels(Level.SECRET)
    assert rates_of(about(APPEAL, 0, Level.PUBLIC)) == ["受理率", "按时受理率", "办结率", "按时办结率"]
    assert rates_of(about(APPEAL, 0)) == list(RATES)


@pytest.mark.parametrize("wanted", EVERY, ids=lambda wanted: f"{wanted.kind}-{wanted.level.name}")
def test_no_cell_runs_what_people_wrote(database: Database, told: Told, wanted: CaseWanted) -> None:
    for sheet in opened(database, of(wanted, told.top), values=False):
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f" or OURS.match(str(cell.value)), cell.value
                assert cell.data_type != "s" or not str(cell.value).lstrip().startswith(FORMULA), cell.value


def test_a_time_without_anything_is_a_workbook_all_the_same(database: Database, told: Told) -> None:
    wanted = about(HAZARD, told.branch)
    before = replace(wanted.wanted, period=Period(shanghai(7, 1, 12).date(), shanghai(7, 2, 12).date()))
    nothing = replace(wanted, wanted=before)
    with database.read() as session:
        assert not has_cases(session, nothing)
        assert has_cases(session, wanted)
    found = rows(opened(database, nothing), "汇总")
    assert found[3][:4] == ("合计", 0, 0, 0)
    assert opened(database, nothing, values=False)["汇总"]["B4"].value == "=0"


def test_a_ledger_of_days_to_come_has_nothing(database: Database, told: Told) -> None:
    wanted = about(HAZARD, told.branch)
    later = replace(wanted.wanted, period=Period(shanghai(12, 1, 12).date(), shanghai(12, 2, 12).date()))
    made = ledger(database, replace(wanted, wanted=later))
    assert {line.came for line in made.lines} == {"结转"}
    assert made.tally.collected == 0


def test_what_is_asked_for_can_be_written_and_read(database: Database, told: Told) -> None:
    for level in Level:
        wanted = about(APPEAL, told.branch, level)
        assert CaseWanted.of(APPEAL, wanted.subject) == wanted

    def made(session: Session, kind: str, subject: str) -> bytes:
        return FILES[kind](session, subject)

    with database.read() as session:
        assert made(session, "hazards", about(HAZARD, told.branch).wanted.subject).startswith(b"PK")
        assert made(session, "appeals", about(APPEAL, told.branch).subject).startswith(b"PK")
        with pytest.raises(ValueError, match="unpack"):
            made(session, "appeals", about(APPEAL, told.branch).wanted.subject)


def test_titles_say_the_level_of_appeals(database: Database, told: Told) -> None:
    assert title_of(ledger(database, about(HAZARD, told.branch))) == "隐患台账 甲支部"
    assert title_of(ledger(database, about(APPEAL, told.branch, Level.SECRET))) == "诉求台账（保密） 甲支部"


def test_the_sheets_are_ready_to_be_printed(database: Database, told: Told) -> None:
    sheet = opened(database, about(HAZARD, told.branch))["清单"]
    assert (sheet.freeze_panes, sheet.page_setup.orientation, sheet.print_title_rows) == ("B4", "landscape", "$1:$3")
    line: list[CaseLine] = list(ledger(database, about(HAZARD, told.branch)).lines)
    assert sheet.max_row == 3 + len(line)
