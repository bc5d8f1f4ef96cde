"""``jufeng train`` and ``jufeng understand --model`` as processes, and a server that meets a model."""

import json
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks.training import MISLABELLED, made_up, measure, write_table
from bot.app import Server
from bot.cli import main
from bot.opening import open_database
from bot.settings import load_settings
from bot.understanding.model_file import BIGGEST, load_classifier, write_model
from models.cases import Case
from tests.contracts.test_cli import MESSAGE, ROOT, Folder
from tests.unit.test_classifier import model_of as model_of_grams

WITHOUT = "raise ModuleNotFoundError(\"No module named 'sklearn'\", name='sklearn')\n"
pytestmark = pytest.mark.xdist_group("training")  # trained once for most of them


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder where 700 made-up cases have been trained on."""
    folder = Folder(tmp_path_factory.mktemp("trained"))
    write_table(folder.path / "cases.csv", made_up(700, 1))
    done = folder.run("train", "cases.csv", "--out", "data/models/category.model")
    assert (done.code, done.err) == (0, "")
    (folder.path / "said.txt").write_text(done.out, encoding="utf-8")
    return folder


def model_of(folder: Folder) -> Path:
    return folder.path / "data" / "models" / "category.model"


def understood(
    folder: Folder, *arguments: str, text: str = "东岗路12号东门灭火器过期了，谁来管管"
) -> Mapping[str, object]:
    done = folder.run("understand", *arguments, stdin=json.dumps({"text": text}) + "\n")
    assert done.code == 0
    answer: Mapping[str, object] = json.loads(done.out)
    return answer


def test_training_says_how_good_it_is_before_it_writes(trained: Folder) -> None:
    lines = (trained.path / "said.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("读到 7 类，700 条")
    assert "准确率 " in lines[1]
    assert sum("判对" in line and "是对的" in line for line in lines) == 7
    assert "已写入 data/models/category.model" in lines[-2]


def test_the_model_is_small_and_its_owners_alone(trained: Folder) -> None:
    assert model_of(trained).stat().st_size < BIGGEST
    assert model_of(trained).stat().st_mode & 0o077 == 0
    assert len(load_classifier(model_of(trained)).categories) == 7


def test_training_twice_gives_the_same_model(trained: Folder) -> None:
    assert trained.run("train", "cases.csv", "--out", "again.model").code == 0
    assert (trained.path / "again.model").read_bytes() == model_of(trained).read_bytes()


def test_understand_with_a_model_says_how_sure_it_is(trained: Folder) -> None:
    answer = understood(trained, "--model", "data/models/category.model")
    assert (answer["intent"], answer["category"]) == ("hazard_report", "消防安全")
    sureness = answer["sureness"]
    assert isinstance(sureness, float)
    assert 0.5 < sureness <= 1
    assert answer["judged"] == {"category": "消防安全", "sureness": sureness}
    assert not {"sureness", "judged"} & understood(trained).keys()


def test_a_model_of_other_categories_can_be_tried_but_not_used(trained: Folder) -> None:
    rows = ["text,category", *(f"{word}没有人管,城乡建设\n{word}工资不发,劳动保障" for word in "甲乙丙丁戊己庚辛壬癸")]
    trained.write("other.csv", "\n".join(rows))
    done = trained.call("train", "other.csv", "--out", "other.model")
    assert done.code == 0
    assert "「劳动保障」「城乡建设」不是聚蜂的隐患类别" in done.out
    answer = understood(trained, "--model", "other.model", text="幸福里东门井盖没了")
    assert (answer["category"], answer["sureness"]) == ("公共设施", None)
    assert answer["judged"] is not None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--out", "x.model"), "CASES.csv"),
        (("cases.csv", "--corrected", "--out", "x.model"), "--corrected"),
        (("cases.csv", "--org", "支部", "--out", "x.model"), "--org 要和 --corrected 一起用"),
        (("cases.csv",), "--out"),
    ],
)
def test_what_is_wrongly_called(arguments: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["train", *arguments]))
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_bad_rows_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("cases.csv", "text,category\n井盖没了,\n,治安\n")
    done = folder.call("train", "cases.csv", "--out", "x.model")
    assert (done.code, done.out) == (1, "")
    assert done.err == "第 2 行：没有写类别\n第 3 行：没有写文字\n什么都没有写入。\n"
    assert not (tmp_path / "x.model").exists()


def test_without_scikit_learn_it_says_what_to_install(trained: Folder, tmp_path: Path) -> None:
    (tmp_path / "sklearn.py").write_text(WITHOUT)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = trained.run("train", "cases.csv", "--out", "x.model", environment=environment)
    assert done.code == 1
    assert "scikit-learn" in done.err
    assert "make install-train" in done.err
    assert not (trained.path / "x.model").exists()


def test_a_server_does_not_start_with_a_broken_model(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    model_of(folder).parent.mkdir(parents=True)
    model_of(folder).write_bytes(b"garbage")
    done = folder.run("serve")
    assert (done.code, done.out) == (2, "")
    assert done.err == "模型文件 data/models/category.model 用不了：不是聚蜂的模型。请用 jufeng train 重新训练一个\n"


def test_what_no_model_is_cannot_be_tried(trained: Folder) -> None:
    for name, why in (("cases.csv", "不是聚蜂的模型"), ("none.model", "读不到模型文件 none.model")):
        done = trained.call("understand", "--model", name)
        assert (done.code, done.out) == (2, "")
        assert why in done.err


def test_a_server_uses_the_model_of_its_data_folder(tmp_path: Path) -> None:
    environment = {
        "JUFENG_BOT__DATA_DIR": str(tmp_path / "data"),
        "JUFENG_DATABASE__URL": f"sqlite:///{tmp_path / 'jufeng.db'}",
    }
    settings = load_settings(None, environment)
    model_of(Folder(tmp_path)).parent.mkdir(parents=True)
    model_of(Folder(tmp_path)).write_bytes(write_model(model_of_grams({"井盖": (0.0, 5.0)}, ("公共设施", "道路交通"))))
    with closing(open_database(settings)) as database:
        server = Server(settings, database)
        server.intake._results([replace(MESSAGE, text="幸福里东门井盖没了", sent_at=server.clock())])
        with database.read() as session:
            case = session.scalars(select(Case)).one()
            assert (case.category, case.sureness) == ("道路交通", 0.99)


def test_nine_thousand_are_trained_on_and_twenty_thousand_judged_in_time(tmp_path: Path) -> None:
    took = measure(tmp_path, letters=False)
    assert (took.trained < 20, took.judged < 20, took.size < BIGGEST) == (True, True, True), took
    assert 0.93 <= took.right <= 1 - MISLABELLED / 2
    assert abs(took.right - took.sure) < 0.03
