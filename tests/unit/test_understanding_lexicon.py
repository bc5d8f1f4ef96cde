"""The data files: complete, readable, and told apart when they are wrong."""

import pytest

from bot.understanding.commands import Commands
from bot.understanding.lexicon import CommandRules, LexiconError, load
from bot.understanding.templates import Compiler, Template, TemplateError


def template(source: str) -> Template:
    return Compiler({"会课": ("会", "党课")}).compile(source, "")


def test_every_pattern_is_an_expression() -> None:
    data = load()
    compiler = Compiler(data.classes)
    for rules in data.commands.values():
        for source in (source for sources in rules.patterns.values() for source in sources):
            assert compiler.compile(source, "").expression.groups >= 0


@pytest.mark.parametrize(
    ("source", "text", "matches"),
    [
        ("受理 {case}", "受理:1024", True),
        ("通知_{text}", "通知明天", False),
        ("[我]签到", "我签到", True),
        ("(开|上)<会课>", "上党课", True),
        ("把..补上", "把昨天的课补上", True),
        ("查我的?积分", "查我积分", True),
    ],
)
def test_the_language_of_patterns(source: str, text: str, matches: bool) -> None:
    assert bool(template(source).expression.fullmatch(text)) is matches


@pytest.mark.parametrize(
    ("source", "needs"),
    [("受理 {case}", {"受理"}), ("(开|上)<会课>", {"开", "上"}), ("[我]签到", {"签到"}), ("{text}", set())],
)
def test_a_pattern_knows_what_it_cannot_do_without(source: str, needs: set[str]) -> None:
    assert template(source).needs == needs


@pytest.mark.parametrize("source", ["(开", "[开", "开)", "{case", "{nonsense}", "<没有的词类>", "<会课"])
def test_a_wrong_pattern_is_told(source: str) -> None:
    with pytest.raises(TemplateError):
        template(source)


def test_the_message_names_the_intent() -> None:
    rules = CommandRules({"sure": ("(签到",)}, staff=False, asks=False, fields=False)
    with pytest.raises(LexiconError, match=r"commands\.toml 的 check_in"):
        Commands({"check_in": rules}, {})
