"""Training: what is learned from, how it is measured, and that the model says what scikit-learn says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.training import made_up
from bot.training.command import Training
from bot.training.examples import CORRECTED, Example, TrainingError, check, merged, read_examples, seen_to
from bot.training.fitting import LOOSENESS, ROUNDS, TEXTS_OF_A_GRAM, TOLERANCE, Fitter
from bot.training.measuring import Measured, held_out, measure
from bot.understanding.classifier import Classifier, Made, canonical, grams_of
from bot.understanding.model_file import load_classifier
from models.audit import AuditEntry
from models.cases import Action, Actor, Case, CaseKind, Part, change, collect
from models.corrections import Corrected, Correction
from models.database import Database
from models.organisations import Organisation
from models.people import Person
from tests.conftest import START
from tests.unit.city import City

MADE = Made("2026-11-23", 0, 0.0)
ROWS = [Example(canonical(row.text), row.category) for row in made_up(400, 7)]


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "cases.csv"
    path.write_bytes(text.encode(encoding))
    return path


def problems_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(TrainingError) as error:
        read_examples(path)
    return error.value.problems


# The table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_may_have_other_columns_and_any_order(tmp_path: Path, encoding: str) -> None:
    text = 'id,Category,text\n1,公共设施,"东门井盖没了，\n两天了"\n\n2, 环境卫生 ,西门垃圾\n'
    assert read_examples(table(tmp_path, text, encoding)) == [
        Example("东门井盖没了 两天了", "公共设施"),
        Example("西门垃圾", "环境卫生"),
    ]


def test_every_bad_row_is_named_by_its_line(tmp_path: Path) -> None:
    rows = [
        "text,category",
        "井盖没了,公共设施",
        "井盖没了",
        '"第一行\n第二行",',
        ",公共设施",
        "！！！,公共设施",
        "井盖没了,两天了,公共设施",
        "公共设施,幸福里东门外面往北五十米路边的井盖没了已经两天",
        '井盖"没了",公共设施',
        '"井盖没了"了,公共设施',
        "没有读到",
    ]
    found = problems_of(table(tmp_path, "\n".join(rows)))
    assert [line.partition("：")[0] for line in found] == [f"第 {n} 行" for n in (3, 4, 6, 7, 8, 9, 11)]
    for line, why in zip(
        found, ("只有 1 列", "没有写类别", "没有写文字", "标点", "有 3 列", "写反", "引号"), strict=True
    ):
        assert why in line


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "text、category"),
        ("text\n井盖", "category"),
        ("text,text,category\n井盖,井盖,公共设施", "text"),
        ("文字,类别\n井盖,公共设施", "text、category"),
    ],
)
def test_a_table_without_the_columns(tmp_path: Path, text: str, why: str) -> None:
    (problem,) = problems_of(table(tmp_path, text))
    assert problem.endswith(why)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert "读不到" in problems_of(tmp_path / "none.csv")[0]
    (tmp_path / "binary.csv").write_bytes(b"\xff\xff\xff")
    assert "认不出" in problems_of(tmp_path / "binary.csv")[0]


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({}, "现在有 0 类"),
        ({"治安": 30}, "现在有 1 类"),
        ({"治安": 30, "消防安全": 9}, "「消防安全」只有 9 条"),
        ({f"类{n}": 10 for n in range(51)}, "有 51 类，最多 50 类"),
    ],
)
def test_too_little_or_too_much_to_tell_apart(counts: dict[str, int], why: str) -> None:
    examples = [Example("井盖", category) for category, count in counts.items() for _ in range(count)]
    with pytest.raises(TrainingError, match=why):
        check(examples)


def test_ten_of_two_categories_are_enough() -> None:
    check([Example("井盖", category) for category in ("治安", "消防安全")] * 10)


def test_what_was_said_twice_counts_twice_and_is_there_once() -> None:
    examples = [Example("井盖", "治安"), Example("井盖", "治安", CORRECTED), Example("井盖", "消防安全")]
    assert merged(examples) == [Example("井盖", "治安", 1 + CORRECTED), Example("井盖", "消防安全")]


# The hazards that people have seen to


class Branch:
    """A branch of hazards, and a person who sees to them."""

    def __init__(self, session: Session) -> None:
        self.session = session
        city = City(session)
        self.above = city.organisation("党委")
        self.own = city.organisation("甲支部", parent=self.above)
        self.other = city.organisation("乙支部", parent=self.above)
        self.secretary = city.person(self.own, "王书记")

    def hazard(self, text: str, category: str = "治安", *done: Action, at: Organisation | None = None) -> Case:
        return self._case(CaseKind.HAZARD, text, category, self.secretary, done, at)

    def by_rule(self, text: str) -> Case:
        return self._case(CaseKind.HAZARD, text, "治安", None, (Action.ASSIGN,), None)

    def appeal(self, text: str) -> Case:
        return self._case(CaseKind.APPEAL, text, "劳动报酬", self.secretary, (Action.ACCEPT,), None)

    def correct(self, case: Case, what: Corrected = Corrected.CATEGORY) -> None:
        self.session.add(
            Correction(case_id=case.id, what=what, before="其他", after=case.category, at=START, message_id=2)
        )

    def _case(
        self,
        kind: CaseKind,
        text: str,
        category: str,
        by: Person | None,
        done: tuple[Action, ...],
        at: Organisation | None,
    ) -> Case:
        case = Case(
            kind=kind,
            category=category,
            place="",
            text=text,
            photos=[],
            organisation=at or self.own,
            reporter_platform="feishu",
            reporter_bot="main",
            reporter_ref="ou_1",
            message_id=1,
        )
        collect(self.session, case, Actor(None, frozenset(), START, 1))
        for action in done:
            actor = Actor(by, frozenset({Part.DISPATCHER, Part.REPORTER}), START, 1)
            change(self.session, case, action, actor, unit=self.other)
        self.session.flush()
        return case


def test_people_teach_by_putting_right_and_by_letting_stand(database: Database) -> None:
    with database.write.begin() as session:
        branch = Branch(session)
        branch.hazard("书记受理的，12号楼", "治安", Action.ACCEPT)
        branch.correct(branch.hazard("改过类别的", "消防安全"))
        branch.correct(branch.hazard("不属实，但是类别改对了", "消防安全", Action.DECLINE))
        branch.correct(branch.hazard("只改了急不急的"), Corrected.URGENCY)
        branch.correct(branch.hazard("改成其他的", "其他"))
        branch.hazard("没人看过的")
        branch.hazard("不受理的", "治安", Action.DECLINE)
        branch.hazard("撤回的", "治安", Action.ACCEPT, Action.WITHDRAW)
        branch.hazard("没人认得的", "其他", Action.ACCEPT)
        branch.hazard("👌", "治安", Action.ACCEPT)
        branch.by_rule("按规则派的")
        branch.appeal("站点扣钱")
        branch.hazard("别的支部的", "治安", Action.RESOLVE, at=branch.other)
    with database.read() as session:
        own = [
            Example("书记受理的 0号楼", "治安"),
            Example("改过类别的", "消防安全", CORRECTED),
            Example("不属实 但是类别改对了", "消防安全", CORRECTED),
            Example("改成其他的", "其他", CORRECTED),
        ]
        elsewhere = Example("别的支部的", "治安")
        organisations = {org.name: org for org in session.scalars(select(Organisation))}
        assert seen_to(session, None) == [*own, elsewhere]
        assert seen_to(session, organisations["甲支部"]) == own
        assert seen_to(session, organisations["党委"]) == [*own, elsewhere]


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
class TestFromCases:
    """The command on the database's own hazards."""

    def run(self, database: Database, out: Path, org: str | None = None) -> tuple[int, list[str], list[str]]:
        said: list[str] = []
        complained: list[str] = []
        code = Training(out, START, said.append, complained.append).from_cases(database, org)
        return code, said, complained

    def fill(self, database: Database) -> None:
        with database.write.begin() as session:
            branch = Branch(session)
            for row in made_up(120, 3):
                branch.correct(branch.hazard(row.text, row.category))
            branch.appeal("站点扣我两百块钱，叫天天不应")

    def test_one_command_makes_a_model(self, database: Database, tmp_path: Path) -> None:
        self.fill(database)
        code, said, complained = self.run(database, tmp_path / "models" / "category.model", "甲支部")
        assert (code, complained) == (0, [])
        assert said[0].startswith("读到 7 类，120 条")
        model = load_classifier(tmp_path / "models" / "category.model").model
        assert model.made.at == "2026-11-23"
        assert not [gram for gram in model.grams if "扣" in gram or "叫天" in gram]
        with database.read() as session:
            entry = session.scalars(select(AuditEntry)).one()
            branch = session.scalars(select(Organisation).where(Organisation.name == "甲支部")).one()
            assert (entry.action, entry.subject, entry.actor_id) == ("train", f"hazards:{branch.id}", None)

    def test_what_it_needs_is_said_and_nothing_is_written(self, database: Database, tmp_path: Path) -> None:
        self.fill(database)
        for org, why in (("丙支部", "没有叫「丙支部」"), ("支部", "不止一个"), ("乙支部", "现在有 0 类")):
            code, said, complained = self.run(database, tmp_path / "category.model", org)
            assert (code, said, complained[-1]) == (1, [], "什么都没有写入。")
            assert why in complained[0]
        assert not (tmp_path / "category.model").exists()


# Measuring


def test_a_fifth_of_each_category_is_held_out_always_the_same() -> None:
    examples = merged(ROWS)
    out = held_out(examples)
    assert out == held_out(examples)
    for category in {example.category for example in examples}:
        all_of_it = sum(example.category == category for example in examples)
        held = sum(examples[place].category == category for place in out)
        assert abs(held - all_of_it / 5) <= 2


@given(st.lists(st.builds(Example, st.sampled_from("abcdefghijkl"), st.sampled_from(["甲", "乙"]))))
def test_no_text_is_on_both_sides(examples: list[Example]) -> None:
    out = held_out(examples)
    inside = {example.seen for place, example in enumerate(examples) if place not in set(out)}
    assert inside.isdisjoint(examples[place].seen for place in out)


def test_figures_of_what_was_held_out() -> None:
    measured = Measured([("甲", "甲", 0.9), ("甲", "乙", 0.4), ("乙", "乙", 0.6), ("丙", "", 0.0)])
    assert (measured.right, measured.accuracy) == (2, 0.5)
    assert (len(measured.sure.answers), measured.sure.right) == (2, 2)
    assert list(measured.of_categories()) == [("", 0, 1, 0), ("丙", 1, 0, 0), ("乙", 1, 2, 1), ("甲", 2, 1, 1)]


# Fitting


@pytest.mark.parametrize("categories", [7, 2])
def test_the_model_says_what_scikit_learn_says(categories: int) -> None:
    names = sorted({example.category for example in ROWS})[:categories]
    examples = merged(example for example in ROWS if example.category in names)
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  # one process of four needs it
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    vectorizer = TfidfVectorizer(
        analyzer=lambda example: grams_of(example.seen), sublinear_tf=True, min_df=TEXTS_OF_A_GRAM
    )
    values = vectorizer.fit_transform(examples)
    regression = LogisticRegression(C=LOOSENESS, max_iter=ROUNDS, tol=TOLERANCE)
    regression.fit(values, [example.category for example in examples], [example.weight for example in examples])
    classifier = Classifier(Fitter(examples).fit(range(len(examples)), MADE))
    asked = [Example(canonical(row.text), row.category) for row in made_up(50, 8)]
    for example, theirs in zip(asked, regression.predict_proba(vectorizer.transform(asked)), strict=True):
        ours = classifier.judge_seen(example.seen)
        assert ours is not None
        assert list(ours) == names
        assert list(ours.values()) == pytest.approx(theirs.tolist(), abs=0.01)


def test_what_only_one_has_said_is_not_in_the_model() -> None:
    examples = [*ROWS, Example("赵钱孙李的电话0", ROWS[0].category)]
    model = Fitter(merged(examples)).fit(range(len(merged(examples))), MADE)
    assert not [gram for gram in model.grams if "赵" in gram or "孙" in gram]


def test_what_is_put_right_weighs_more() -> None:
    rest = [
        Example(f"{word}了", category) for word, category in zip("一二三四五六", ["治安", "消防安全"] * 3, strict=True)
    ]
    found = []
    for weight in (1.0, CORRECTED):
        examples = [*rest, Example("井盖一", "治安", weight), Example("井盖二", "消防安全")]
        judged = Classifier(Fitter(examples).fit(range(len(examples)), MADE)).judge("井盖")
        assert judged is not None
        found.append(judged["治安"])
    assert found[0] == pytest.approx(0.5, abs=0.02)
    assert found[1] > 0.6


def test_texts_that_have_nothing_in_common() -> None:
    with pytest.raises(TrainingError, match="没有一个词是相同的"):
        Fitter([Example("甲", "治安"), Example("乙", "消防安全")]).fit([0, 1], MADE)


def test_it_learns_what_is_there_to_learn() -> None:
    examples = merged(Example(canonical(row.text), row.category) for row in made_up(1500, 1))
    classifier = Classifier(Fitter(examples).fit(range(len(examples)), MADE))
    asked = [Example(canonical(row.text), row.category) for row in made_up(500, 2)]
    assert measure(classifier, asked).accuracy >= 0.88
