"""What a classifier learns from: a table of texts and categories, or the hazards that people have seen to."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from bot.understanding.categories import OTHER
from bot.understanding.classifier import canonical
from bot.understanding.model_file import LONGEST_CATEGORY, MOST_CATEGORIES
from models.cases import Action, Case, CaseKind, CaseState, CaseStep
from models.corrections import Corrected, Correction
from models.organisations import Organisation, at_or_below

FEWEST = 10
"""Texts of each category."""
CORRECTED = 3.0
"""What a text counts whose category somebody has put right: so many times what one counts that nobody minded."""
COLUMNS = ("text", "category")

_DROPPED = (CaseState.DECLINED, CaseState.WITHDRAWN)
_SEEN_TO = (Action.ACCEPT, Action.ASSIGN, Action.TRANSFER, Action.SUSPEND, Action.RESOLVE, Action.MERGE)


class TrainingError(Exception):
    """Nothing was written; ``problems`` say why, one a line."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Example:
    """A text in its canonical form, its category, and how much it counts."""

    seen: str
    category: str
    weight: float = 1.0


def read_examples(path: Path) -> list[Example]:
    """The rows of a CSV file with the columns text and category, in UTF-8 or GB18030.

    Raises TrainingError with every bad row by its line, as the file's editor counts them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"读不到 {path}：{error.strerror}") from error
    rows = _rows(_decoded(data, path))
    header = next(rows, None)
    columns = _columns(header, path)
    examples, problems = [], []
    for number, cells, broken in rows:
        wrong = broken or _wrong(cells, len(header[1]) if header else 0, columns)
        if wrong:
            problems.append(f"第 {number} 行：{wrong}")
        else:
            text, category = (cells[column] for column in columns)
            examples.append(Example(canonical(text), category.strip()))
    if problems:
        raise TrainingError(*problems)
    return examples


_Row = tuple[int, Sequence[str], str]
"""The line it begins at, its cells, and what is wrong with it as a row of CSV."""


def _decoded(data: bytes, path: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TrainingError(f"认不出 {path} 的文字编码，请另存为「CSV UTF-8」")


def _rows(text: str) -> Iterator[_Row]:
    """The rows that are not empty; nothing after one that is no CSV, for nobody knows where it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    ended = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield ended + 1, cells, ""
            ended = reader.line_num
    except csv.Error:
        yield ended + 1, (), "格式不对，请检查有没有单独一个引号，或者特别长的内容；后面的没有读"


def _columns(header: _Row | None, path: Path) -> tuple[int, ...]:
    """Where text and category stand."""
    names = [cell.strip().lower() for cell in header[1]] if header else []
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise TrainingError(f"{path} 的第一行要写列名 text,category，各一列；现在缺少或者重复的是 {'、'.join(missing)}")
    return tuple(names.index(name) for name in COLUMNS)


def _wrong(cells: Sequence[str], width: int, columns: Sequence[int]) -> str:
    """What is wrong with a row; empty if nothing is."""
    if len(cells) > width:
        return f"有 {len(cells)} 列，应有 {width} 列；文字里有逗号的，要用英文双引号括起来"
    if len(cells) <= max(columns):
        return f"只有 {len(cells)} 列，应有 {width} 列"
    text, category = (cells[column].strip() for column in columns)
    if not category:
        return "没有写类别"
    if len(category) > LONGEST_CATEGORY or not category.isprintable():
        return f"类别最多 {LONGEST_CATEGORY} 个字，不能换行；是不是和文字写反了"
    if not text:
        return "没有写文字"
    return "" if canonical(text) else "文字里只有标点，没有可以学的"


def seen_to(session: Session, organisation: Organisation | None) -> list[Example]:
    """The hazards, of all or of one organisation and those below it, whose category a person has put right, or has
    let stand when seeing to them.

    What nobody has looked at teaches only what the lexicon says already; 其他 that was let stand teaches nothing.
    Appeals are left out: a model holds pieces of what it was made from.
    """
    corrected = exists().where(Correction.case_id == Case.id, Correction.what == Corrected.CATEGORY)
    handled = exists().where(CaseStep.case_id == Case.id, CaseStep.actor_id.is_not(None), CaseStep.action.in_(_SEEN_TO))
    stands = handled & Case.state.not_in(_DROPPED) & (Case.category != OTHER)
    query = select(Case.text, Case.category, corrected).where(Case.kind == CaseKind.HAZARD, or_(corrected, stands))
    if organisation is not None:
        query = query.join(Organisation, Organisation.id == Case.organisation_id).where(at_or_below(organisation))
    rows = session.execute(query.order_by(Case.number))
    examples = (Example(canonical(text), category, CORRECTED if right else 1.0) for text, category, right in rows)
    return [example for example in examples if example.seen]


def check(examples: Sequence[Example]) -> None:
    """Raises TrainingError where there is too little, or too much, to tell apart."""
    counts = Counter(example.category for example in examples)
    if len(counts) < 2:
        raise TrainingError(f"至少要有两类，每类至少 {FEWEST} 条；现在有 {len(counts)} 类")
    if len(counts) > MOST_CATEGORIES:
        raise TrainingError(f"有 {len(counts)} 类，最多 {MOST_CATEGORIES} 类；是不是把文字和类别写反了")
    few = [
        f"「{category}」只有 {count} 条，每类至少 {FEWEST} 条" for category, count in counts.items() if count < FEWEST
    ]
    if few:
        raise TrainingError(*few)


def merged(examples: Iterable[Example]) -> list[Example]:
    """Each text once for each category, counting for all that said the same."""
    found: dict[tuple[str, str], Example] = {}
    for example in examples:
        key = (example.seen, example.category)
        before = found.get(key)
        found[key] = replace(before, weight=before.weight + example.weight) if before else example
    return list(found.values())
