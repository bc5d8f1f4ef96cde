"""``jufeng train``: what the operator sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.clock import local
from bot.training.examples import Example, TrainingError, check, merged, read_examples, seen_to
from bot.training.fitting import Fitter
from bot.training.measuring import Measured, held_out, measure
from bot.understanding.classifier import Classifier, Made
from bot.understanding.model_file import write_model
from bot.writing import write_whole
from models.audit import AuditEntry
from models.database import Database
from models.organisations import Organisation, Tree

Write = Callable[[str], None]
"""Takes one line of output, without its line break."""


@dataclass(frozen=True, slots=True)
class Training:
    """One run: where the model goes, the moment, and who hears of it (stdout and stderr)."""

    out: Path
    now: datetime
    write: Write
    complain: Write

    def from_file(self, table: Path) -> int:
        """Trains on a CSV file; returns the exit code: 0, or 1 with nothing written."""
        return self._run(lambda: read_examples(table))

    def from_cases(self, database: Database, name: str | None) -> int:
        """Trains on the hazards that people have seen to, of all or of the organisation called ``name``."""
        return self._run(lambda: self._cases(database, name))

    def _run(self, read: Callable[[], list[Example]]) -> int:
        try:
            self._train(read())
        except TrainingError as error:
            for problem in error.problems:
                self.complain(problem)
            self.complain("什么都没有写入。")
            return 1
        return 0

    def _cases(self, database: Database, name: str | None) -> list[Example]:
        with database.read() as session:
            organisation = _organisation(Tree(session), name) if name else None
            examples = seen_to(session, organisation)
            subject = f"hazards:{organisation.id if organisation else 'all'}"
        with database.write.begin() as session:
            session.add(AuditEntry(at=self.now, actor_id=None, action="train", subject=subject, message_id=None))
        return examples

    def _train(self, examples: list[Example]) -> None:
        check(examples)
        different = merged(examples)
        counted = f"{len({example.category for example in examples})} 类，{len(examples)} 条"
        self.write(f"读到 {counted}，不重复的 {len(different)} 条。")
        fitter = Fitter(different)
        measured = self._measure(fitter, different)
        model = fitter.fit(range(len(different)), self._made(len(different), measured.accuracy))
        data = write_model(model)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.out, data)
        except OSError as error:
            raise TrainingError(f"{self.out} 写不了（{error.strerror}）") from error
        self.write(f"用全部 {len(different)} 条训练好了，已写入 {self.out}（{len(data) / 1_000_000:.1f} MB）。")
        self._say_what_next(Classifier(model))

    def _measure(self, fitter: Fitter, examples: Sequence[Example]) -> Measured:
        """Says how well a model of four fifths of the texts does with the rest."""
        out = set(held_out(examples))
        if not out:
            raise TrainingError("重复的太多，剩下的不够试；请多给一些不一样的")
        model = fitter.fit([place for place in range(len(examples)) if place not in out], self._made(0, 0.0))
        measured = measure(Classifier(model), [examples[place] for place in sorted(out)])
        for line in _report(measured):
            self.write(line)
        return measured

    def _made(self, texts: int, accuracy: float) -> Made:
        return Made(local(self.now).date().isoformat(), texts, round(accuracy, 4))

    def _say_what_next(self, classifier: Classifier) -> None:
        if classifier.foreign:
            self.write(
                f"注意：「{'」「'.join(classifier.foreign)}」不是聚蜂的隐患类别，"
                "这个模型只能用 jufeng understand --model 试，装到服务里不认。"
            )
        else:
            self.write("要用它：放到数据文件夹的 models/category.model，重新启动服务。")


def _organisation(tree: Tree, name: str) -> Organisation:
    found = tree.named(name)
    if len(found) != 1:
        paths = [f"  {organisation.path}" for organisation in found]
        raise TrainingError(f"「{name}」不止一个，请写全：" if found else f"名册里没有叫「{name}」的组织", *paths)
    return found[0]


def _report(measured: Measured) -> list[str]:
    sure, total = measured.sure, len(measured.answers)
    return [
        f"留出 {total} 条没有参加训练的来试：对 {measured.right} 条，准确率 {_percent(measured.right, total)}。",
        f"  把握在一半以上的 {len(sure.answers)} 条，对 {sure.right} 条（{_percent(sure.right, len(sure.answers))}）；"
        "其余的，小蜂按词典判断。",
        *(
            f"  {category}：{true} 条，判对 {_percent(both, true)}；判成它的 {found} 条，{_percent(both, found)} 是对的"
            for category, true, found, both in measured.of_categories()
        ),
    ]


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "—"
