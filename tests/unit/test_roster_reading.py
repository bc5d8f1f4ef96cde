"""Reading and checking roster files: every encoding and order of columns, and every bad row named with its line."""

import contextlib
import csv
import io
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.roster import RosterError, RosterRow, read_roster
from bot.roster.columns import COLUMNS
from models.organisations import OrganisationKind
from models.people import Occupation, Post, Status

BRANCH = "兰州市快递行业党委/顺丰速运党支部"
GIVEN = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def roster(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(RosterError) as caught:
        read_roster(path)
    return [str(problem) for problem in caught.value.problems]


def workbook(tmp_path: Path, rows: list[list[object]], *, as_text: bool = False) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    if as_text:
        for cell in (cell for cells in sheet.iter_rows() for cell in cells if cell.value is not None):
            cell.data_type = "s"
    path = tmp_path / "roster.xlsx"
    book.save(path)
    return path


def test_a_full_row(tmp_path: Path) -> None:
    header = "组织,组织类型,姓名,手机,身份,职务,职业,流动,流出地党组织,feishu,wecom,wechat"
    line = f"{BRANCH},党支部,张三,13800000001,正式党员,书记,快递,是,临洮县某村党支部,ou_1,zhangsan,oAbc"

    [row] = read_roster(roster(tmp_path, f"{header}\n{line}\n"))

    assert row == RosterRow(
        line=2,
        path=BRANCH,
        kind=OrganisationKind.BRANCH,
        name="张三",
        phone="13800000001",
        status=Status.FULL,
        post=Post.SECRETARY,
        occupation=Occupation.PARCEL,
        mobile=True,
        home_organisation="临洮县某村党支部",
        identities=(("feishu", "ou_1"), ("wecom", "zhangsan"), ("wechat", "oAbc")),
        columns=frozenset(COLUMNS),
    )
    assert "13800000001" not in repr(row)


def test_what_is_left_out_has_defaults(tmp_path: Path) -> None:
    [row] = read_roster(roster(tmp_path, f"手机,姓名,组织\n13800000001,张三,{BRANCH}\n"))

    assert (row.status, row.occupation, row.mobile) == (Status.MASSES, Occupation.OTHER, False)
    assert (row.kind, row.post, row.home_organisation, row.identities) == (None, None, "", ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_breaks(tmp_path: Path, encoding: str, delimiter: str, line_break: str) -> None:
    lines = ["组织,姓名,手机", "", f"{BRANCH},张䶮,13800000001", "甲,乙,13800000002"]
    text = line_break.join(lines).replace(",", delimiter)

    rows = read_roster(roster(tmp_path, text, encoding))

    assert [(row.line, row.name) for row in rows] == [(3, "张䶮"), (4, "乙")]


def test_line_numbers_count_line_breaks_in_quotes(tmp_path: Path) -> None:
    text = '组织,姓名,手机,流出地党组织\n甲,张三,13800000001,"某县\n某村党支部"\n甲,李四,138,\n'

    assert problems(roster(tmp_path, text)) == ["第 4 行：手机不对：要 1 开头的 11 位数字，这里是 3 位"]


@pytest.mark.parametrize(
    "phone",
    [
        13800000001,
        13800000001.0,
        "13800000001",
        " 138 0000 0001 ",
        "+86 138-0000-0001",
        "１３８00000001",
        "\u202d13800000001",
    ],
)
def test_phones_as_spreadsheets_and_people_write_them(tmp_path: Path, phone: object) -> None:
    [row] = read_roster(workbook(tmp_path, [["组织", "姓名", "手机"], ["甲", "张三", phone]]))

    assert row.phone == "13800000001"


def test_an_organisation_alone(tmp_path: Path) -> None:
    [row] = read_roster(roster(tmp_path, "组织,组织类型,姓名,手机,流动\n幸福里物业,责任单位,,,否\n"))

    assert (row.path, row.kind, row.name, row.phone) == ("幸福里物业", OrganisationKind.UNIT, "", "")


def test_spaces_that_pad_a_name_are_dropped(tmp_path: Path) -> None:
    text = "组织,姓名,手机\n 甲 / 乙 ,张　三,13800000001\n甲／乙,Li Lei,13800000002\n"

    rows = read_roster(roster(tmp_path, text))

    assert [(row.path, row.name) for row in rows] == [("甲/乙", "张三"), ("甲/乙", "Li Lei")]


@pytest.mark.parametrize("text", ["=1+1", "=HYPERLINK(A1)", "+cmd", "-2", "@SUM(A1)"])
def test_formulas_are_text(tmp_path: Path, text: str) -> None:
    header: list[object] = ["组织", "姓名", "手机"]
    in_csv = read_roster(roster(tmp_path, f"组织,姓名,手机\n甲,{text},13800000001\n"))
    in_xlsx = read_roster(workbook(tmp_path, [header, ["甲", text, "13800000001"]]))
    as_text = read_roster(workbook(tmp_path, [header, ["甲", text, "13800000001"]], as_text=True))

    assert [row.name for row in (*in_csv, *in_xlsx, *as_text)] == [text] * 3


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    text = f"""组织,组织类型,姓名,手机,身份,职务,职业,流动,feishu
{BRANCH},党支部,张三,13800000001,正式党员,书记,快递,是,ou_1
{BRANCH},党小组,李四,13800000001,党员,班长,骑手,对,ou_1
,,王五,13800000003,,,,,
甲//乙,,赵六,13800000004,,,,,
甲,部门,,13800000005,,,,,
甲,,孙七,,,,,,
甲,,周八,0931-1234567,,,,,
甲,,,,,书记,,,
甲,,吴九,13800000009,13800000008,,,,,
甲,,郑十,1.38E+10,,,,,,多
"""

    assert problems(roster(tmp_path, text)) == [
        "第 3 行：同一个组织在第 2 行写的是「党支部」，这里写的是「党小组」，请改成一样的",
        "第 3 行：手机 138****0001 和第 2 行重复",
        "第 3 行：身份「党员」不认识，可以填：正式党员、预备党员、发展对象、入党积极分子、群众，或者空着",
        f"第 3 行：职务「班长」不认识，可以填：{'、'.join(Post)}，或者空着",
        "第 3 行：职业「骑手」不认识，可以填：外卖、快递、网约车、货车、出租车、直播、其他，或者空着",
        "第 3 行：流动「对」不认识，可以填：是、否，或者空着",
        "第 3 行：feishu 的 id 和第 2 行重复",
        "第 4 行：没有填组织",
        "第 5 行：组织「甲//乙」有一级是空的，要写成「上级/下级」，开头和结尾不要「/」",
        "第 6 行：组织类型「部门」不认识，可以填：党委、党支部、党小组、企业、责任单位，或者空着",
        "第 6 行：没有填姓名",
        "第 7 行：没有填手机",
        "第 8 行：手机不对：要 1 开头的 11 位数字",
        "第 9 行：填了职务或者平台 id，却没有填姓名和手机",
        "第 10 行：身份「138****0008」不认识，可以填：正式党员、预备党员、发展对象、入党积极分子、群众，或者空着",
        "第 11 行：第 10 列有内容，可是这一列没有列名",
        "第 11 行：手机被表格软件写成了科学计数法，请把这一列的格式设成「文本」，重新填写",
    ]


def test_columns_are_checked(tmp_path: Path) -> None:
    missing = problems(roster(tmp_path, "组织,手机号,Feishu,feishu\n甲,13800000001,,\n"))

    assert missing == [
        f"第 1 行：不认识的列「手机号」。您是不是想写「手机」？可以用的列：{'、'.join(COLUMNS)}",
        "第 1 行：「feishu」这一列出现了 2 次，请只留一列",
        "第 1 行：表头缺少必填的列：姓名、手机。第一行要写列名",
    ]


def test_an_unknown_column_does_not_hide_the_bad_rows(tmp_path: Path) -> None:
    unknown, bad = problems(roster(tmp_path, "组织,姓名,手机,xyz\n甲,张三,1,\n"))

    assert unknown.startswith("第 1 行：不认识的列「xyz」。可以用的列：")
    assert bad.startswith("第 2 行：手机不对")


def test_a_file_without_a_header_shows_no_phone(tmp_path: Path) -> None:
    assert "13800000001" not in "".join(problems(roster(tmp_path, "甲,张三,13800000001\n")))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "名册是空的"),
        (b"\n ,,\n", "名册是空的"),
        ("组织,姓名,手机\n".encode(), "名册只有表头"),
        (b"\xff\xfe\x00", "认不出名册的文字编码"),
        (b"\xd0\xcf\x11\xe0rest", "这是旧版 .xls"),
        (b"PK\x03\x04broken", "这个 xlsx 文件打不开"),
        ('组织,姓名,手机\n甲,"张三,13800000001\n'.encode(), "第 2 行：这一行的格式不对"),
        ("组织,姓名,手机\n甲,张\0三,13800000001\n".encode(), "第 2 行：姓名里有看不见的控制字符"),
        (f"组织,姓名,手机\n甲,{'张' * 201},13800000001\n".encode(), "第 2 行：姓名太长了"),
    ],
)
def test_files_that_are_no_roster(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "roster"
    path.write_bytes(data)

    assert problems(path)[0].startswith(expected)


def test_a_missing_file(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.csv") == [f"读不到名册文件 {tmp_path / 'none.csv'}：No such file or directory"]


@settings(GIVEN, max_examples=150)
@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda data: "组织,姓名,手机\n".encode() + data))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "roster"
    path.write_bytes(data)
    with contextlib.suppress(RosterError):
        read_roster(path)


HANZI = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
PLAIN = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="/")
SEGMENT = st.text(HANZI | PLAIN, min_size=1, max_size=8)
PHONES = st.integers(10_000_000_000, 19_999_999_999).map(str)


@st.composite
def rosters(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows as a secretary might write them, with phones and ids that are unique."""
    return [
        {
            "组织": "/".join(draw(st.lists(SEGMENT, min_size=1, max_size=3))),
            "姓名": draw(SEGMENT),
            "手机": phone,
            "身份": draw(st.sampled_from([str(status) for status in Status])),
            "职务": draw(st.sampled_from(["", *(str(post) for post in Post)])),
            "职业": draw(st.sampled_from([str(occupation) for occupation in Occupation])),
            "流动": draw(st.sampled_from(["是", "否"])),
            "流出地党组织": draw(SEGMENT),
            "feishu": f"ou_{phone}",
        }
        for phone in draw(st.lists(PHONES, min_size=1, max_size=5, unique=True))
    ]


def plain(row: RosterRow) -> dict[str, str]:
    return {
        "组织": row.path,
        "姓名": row.name,
        "手机": row.phone,
        "身份": row.status,
        "职务": row.post or "",
        "职业": row.occupation,
        "流动": "是" if row.mobile else "否",
        "流出地党组织": row.home_organisation,
        "feishu": dict(row.identities)["feishu"],
    }


@GIVEN
@given(
    written=rosters(),
    order=st.permutations(["组织", "姓名", "手机", "身份", "职务", "职业", "流动", "流出地党组织", "feishu"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
    delimiter=st.sampled_from(",;\t"),
)
def test_csv_round_trip(
    tmp_path: Path, written: list[dict[str, str]], order: list[str], encoding: str, delimiter: str
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, order, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(written)

    assert [plain(row) for row in read_roster(roster(tmp_path, text.getvalue(), encoding))] == written


@GIVEN
@given(written=rosters(), number=st.sampled_from([str, int, float]), as_text=st.booleans())
def test_xlsx_round_trip(
    tmp_path: Path, written: list[dict[str, str]], number: type[str | int | float], as_text: bool
) -> None:
    rows: list[list[object]] = [list(written[0])]
    rows += [list((row | {"手机": row["手机"] if as_text else number(row["手机"])}).values()) for row in written]

    assert [plain(row) for row in read_roster(workbook(tmp_path, rows, as_text=as_text))] == written
