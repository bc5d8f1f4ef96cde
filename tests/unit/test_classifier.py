"""The trained classifier: what it makes of a text, what its file may be, and what the bot makes of both."""

import hashlib
import json
import math
import pickle
import zlib
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.doctor.findings import Level
from bot.doctor.machine import examine_data_folder
from bot.learned import learned, model_path
from bot.understanding import Intent
from bot.understanding.classifier import Classifier, Made, Model, best, canonical, grams_of
from bot.understanding.jsonl import run
from bot.understanding.model_file import BIGGEST, ModelError, load_classifier, quantised, read_model, write_model
from tests.unit.understood import MONDAY, understanding

MADE = Made("2026-11-23", 40, 0.925)


def model_of(weights: dict[str, tuple[float, ...]], categories: tuple[str, ...]) -> Model:
    """A model where each gram speaks for each category as much as it says; no gram is rarer than another."""
    whole, scales = quantised(list(zip(*weights.values(), strict=True)))
    return Model(categories, list(weights), array("f", [1.0] * len(weights)), whole, scales, [0.0] * len(scales), MADE)


def classifier(well: float = 4.0, rubbish: float = 4.0) -> Classifier:
    """Knows 井 for a 公共设施 and 垃圾 for 环境卫生, by so much."""
    return Classifier(model_of({"井": (well, 0.0), "垃圾": (0.0, rubbish)}, ("公共设施", "环境卫生")))


def said_to(trained: Classifier | None, text: str) -> Intent:
    return understanding().with_classifier(trained).understand(text, addressed=False, now=MONDAY)


# What it sees of a text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("１２号楼，井盖没了！！", "0号楼 井盖没了"),
        ("电话13800000001 甘A12345", "电话0 甘a0"),
        ("@小蜂 东门\n灯不亮", "东门 灯不亮"),
        ("。。。👌", ""),
        ("大坑" * 250, "大坑" * 100),
    ],
)
def test_numbers_are_all_one_and_marks_are_spaces(text: str, seen: str) -> None:
    assert canonical(text) == seen


def test_grams_are_one_to_three_characters_with_the_ends_of_words() -> None:
    assert grams_of("井盖") == ["井", "盖", " 井", "井盖", "盖 ", " 井盖", "井盖 "]


@given(st.text())
def test_every_text_can_be_judged(text: str) -> None:
    judged = classifier().judge(text)
    assert judged is None or math.isclose(sum(judged.values()), 1.0)


# What it makes of it


def test_probabilities_are_those_of_the_formula() -> None:
    judged = classifier(well=2.0, rubbish=1.0).judge("井井垃圾井")
    well, rubbish = 1 + math.log(3), 1.0
    scores = [2.0 * well / math.hypot(well, rubbish), 1.0 * rubbish / math.hypot(well, rubbish)]
    assert judged is not None
    assert judged["公共设施"] == pytest.approx(1 / (1 + math.exp(scores[1] - scores[0])), abs=1e-4)


def test_of_words_it_has_never_seen_it_says_nothing() -> None:
    assert classifier().judge("天上的云像棉花") is None
    assert best(classifier().judge("")) is None


def test_the_words_of_the_lexicon_give_way_to_a_sure_classifier() -> None:
    text = "幸福里东门井盖没了"
    alone = said_to(None, text)
    assert (alone.category, alone.sureness) == ("公共设施", None)
    trained = Classifier(model_of({"井盖": (0.0, 5.0)}, ("公共设施", "道路交通")))
    judged = said_to(trained, text)
    assert (judged.category, judged.sureness) == ("道路交通", 0.99)
    assert replace(judged, category=None, sureness=None) == replace(alone, category=None)


def test_an_unsure_classifier_gives_way_to_the_lexicon_and_tells_its_doubt() -> None:
    three = Classifier(model_of({"井盖": (0.0, 0.2, 0.1)}, ("公共设施", "道路交通", "治安")))
    intent = said_to(three, "幸福里东门井盖没了")
    assert (intent.category, intent.sureness) == ("公共设施", 0.3)


def test_of_a_category_it_does_not_know_it_is_neither_sure_nor_unsure() -> None:
    three = Classifier(model_of({"井盖": (0.0, 0.2, 0.1)}, ("治安", "道路交通", "自然灾害")))
    intent = said_to(three, "幸福里东门井盖没了")
    assert (intent.category, intent.sureness) == ("公共设施", None)


@pytest.mark.parametrize("text", ["诉求：公司拖欠工资，井盖", "签到", "听说井盖挺贵的"])
def test_only_hazards_are_judged(text: str) -> None:
    assert said_to(classifier(), text) == said_to(None, text)


def test_one_with_other_categories_is_not_asked() -> None:
    other = Classifier(model_of({"井盖": (0.0, 9.0)}, ("公共设施", "城乡建设")))
    assert other.foreign == ["城乡建设"]
    assert said_to(other, "幸福里东门井盖没了") == said_to(None, "幸福里东门井盖没了")


def test_the_shared_understanding_is_left_as_it_was() -> None:
    said_to(classifier(), "幸福里东门井盖没了")
    assert understanding().understand("幸福里东门井盖没了", addressed=False, now=MONDAY).sureness is None


def test_understand_says_how_sure_and_what_the_model_alone_makes_of_anything() -> None:
    lines = ['{"text": "幸福里东门井盖没了"}', '{"text": "今天的垃圾话真多"}', '{"text": "签到"}']
    hazard, chatter, other = (json.loads(line) for line in run(lines, MONDAY, classifier()))
    assert list(hazard)[-3:] == ["category", "sureness", "judged"]
    assert (hazard["category"], hazard["sureness"]) == ("公共设施", 0.98)
    assert hazard["judged"] == {"category": "公共设施", "sureness": 0.98}
    assert (chatter["intent"], chatter["category"], chatter["sureness"]) == ("none", None, None)
    assert chatter["judged"] == {"category": "环境卫生", "sureness": 0.98}
    assert other["judged"] is None
    assert "sureness" not in json.loads(next(iter(run(lines, MONDAY))))


# Its file


def test_a_model_comes_back_as_it_was_written() -> None:
    model = classifier().model
    assert read_model(write_model(model)) == replace(model, categories=list(model.categories))


def test_whole_numbers_are_near_enough() -> None:
    columns = [[0.5, -2.0, 0.00001], [0.0, 0.0, 0.0]]
    whole, scales = quantised(columns)
    back = [[whole[row * 2 + column] * scales[column] for row in range(3)] for column in range(2)]
    assert back == [pytest.approx(column, abs=2.0 / 32767) for column in columns]


def _packed(change: Callable[[dict[str, Any]], object] = lambda header: None, numbers: bytes | None = None) -> bytes:
    """A file with a checksum that is right, whatever else it is."""
    kind, _, head, packed = write_model(classifier().model).split(b"\n", 3)
    header = json.loads(head)
    change(header)
    packed = packed if numbers is None else zlib.compress(numbers)
    rest = json.dumps(header, ensure_ascii=False).encode() + b"\n" + packed
    return b"\n".join((kind, hashlib.sha256(rest).hexdigest().encode(), rest))


def test_the_file_that_is_packed_anew_is_one() -> None:
    assert read_model(_packed()).made == MADE


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "不是聚蜂的模型"),
        (pickle.dumps({"categories": []}), "不是聚蜂的模型"),
        (write_model(classifier().model).replace(b"classifier 1", b"classifier 2", 1), "另一个版本"),
        (write_model(classifier().model)[:-1], "不完整"),
        (b"x" * (BIGGEST + 1), "太大"),
        (_packed(lambda header: header.pop("bias")), "内容不对"),
        (_packed(lambda header: header.update(categories=["公共设施"])), "内容不对"),
        (_packed(lambda header: header.update(categories=["公共设施", "公共设施"])), "内容不对"),
        (_packed(lambda header: header.update(categories=[["公共设施"], "治安"])), "内容不对"),
        (_packed(lambda header: header.update(grams=10**9)), "内容不对"),
        (_packed(lambda header: header.update(grams=True)), "内容不对"),
        (_packed(lambda header: header.update(names=-1)), "内容不对"),
        (_packed(lambda header: header.update(scales=[math.nan, 1.0])), "内容不对"),
        (_packed(lambda header: header.update(scales=[1e300, 1.0])), "内容不对"),
        (_packed(lambda header: header.update(bias=[10**400, 1.0])), "内容不对"),
        (_packed(lambda header: header.update(bias=[1.0])), "内容不对"),
        (_packed(lambda header: header.update(made=[])), "内容不对"),
        (_packed(lambda header: header["made"].update(accuracy=7.0)), "内容不对"),
        (_packed(numbers=b"\n".join([b"x"] * 20)), "内容不对"),
        (_packed(numbers=bytes(50_000_000)), "内容不对"),
    ],
)
def test_what_is_no_model_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        read_model(data)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_byte_that_changed_is_noticed(place: int, by: int) -> None:
    data = bytearray(write_model(classifier().model))
    data[place % len(data)] ^= by
    with pytest.raises(ModelError):
        read_model(bytes(data))


@given(st.binary())
def test_whatever_stands_behind_a_right_checksum_does_no_harm(rest: bytes) -> None:
    with pytest.raises(ModelError):
        read_model(b"\n".join((b"jufeng-classifier 1", hashlib.sha256(rest).hexdigest().encode(), rest)))


# Where the server looks for it


def put(data_dir: Path, data: bytes) -> None:
    model_path(data_dir).parent.mkdir(parents=True)
    model_path(data_dir).write_bytes(data)


def test_most_installations_have_none(tmp_path: Path) -> None:
    assert learned(tmp_path) is None
    assert not [finding for finding in examine_data_folder(tmp_path) if "模型" in finding.what]


def test_one_that_is_there_is_used_and_the_doctor_tells_of_it(tmp_path: Path) -> None:
    put(tmp_path, write_model(classifier().model))
    found = learned(tmp_path)
    assert found is not None
    assert best(found.judge("井")) == best(classifier().judge("井"))
    told = [finding for finding in examine_data_folder(tmp_path) if "模型" in finding.what]
    assert [finding.what for finding in told] == ["隐患的分类模型：2 类，2026-11-23 用 40 条训练，试的时候准确率 92.5%"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"garbage", "不是聚蜂的模型"),
        (write_model(model_of({"井": (0.0, 1.0)}, ("公共设施", "城乡建设"))), "「城乡建设」不是聚蜂的隐患类别"),
    ],
)
def test_one_that_cannot_be_used_is_an_error_that_names_the_file(tmp_path: Path, data: bytes, why: str) -> None:
    put(tmp_path, data)
    with pytest.raises(ModelError, match=why) as error:
        learned(tmp_path)
    assert str(model_path(tmp_path)) in str(error.value)
    assert [f.level for f in examine_data_folder(tmp_path) if why in f.what] == [Level.BAD]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="读不到模型文件"):
        load_classifier(tmp_path / "none.model")
