"""The columns of a roster, and how a header row names them."""

import difflib
import unicodedata
from collections.abc import Iterator, Sequence

from bot.roster.problems import Problem, shown

IDENTITIES = ("feishu", "wecom", "wechat")
"""The columns with a person's id on a platform are named after who issues it."""
REQUIRED = ("组织", "姓名", "手机")
COLUMNS = (
    "组织",
    "组织类型",
    "姓名",
    "手机",
    "身份",
    "职务",
    "职业",
    "流动",
    "流出地党组织",
    *IDENTITIES,
)


def named(cell: str) -> str:
    """The column that a header cell means: full-width letters, capitals and spaces do not matter."""
    return "".join(unicodedata.normalize("NFKC", cell).casefold().split())


def check_header(line: int, header: Sequence[str]) -> Iterator[Problem]:
    """Says what is wrong with the header row, whose cells are ``named`` already."""
    for name in dict.fromkeys(name for name in header if name and name not in COLUMNS):
        yield Problem(line, f"不认识的列「{shown(name)}」。{_nearest(name)}可以用的列：{'、'.join(COLUMNS)}")
    for name in dict.fromkeys(name for name in header if name in COLUMNS and header.count(name) > 1):
        yield Problem(line, f"「{name}」这一列出现了 {header.count(name)} 次，请只留一列")
    if missing := [name for name in REQUIRED if name not in header]:
        yield Problem(line, f"表头缺少必填的列：{'、'.join(missing)}。第一行要写列名")


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.3)
    return f"您是不是想写「{near[0]}」？" if near else ""
