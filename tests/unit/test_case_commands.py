"""The steps of a case as they are typed with gloves on: in free order, with the number before, after or left out."""

import pytest

from tests.unit.understood import said

SAID = [
    ("1024办结了，垃圾拉走了", "resolve_case", 1024, "垃圾拉走了"),
    ("办结1024垃圾拉走了", "resolve_case", 1024, "垃圾拉走了"),
    ("垃圾拉走了 1024", "resolve_case", 1024, "垃圾拉走了"),
    ("垃圾清理干净了1024", "resolve_case", 1024, "垃圾清理干净了"),
    ("1024垃圾拉走了", "resolve_case", 1024, "垃圾拉走了"),
    ("1024 新井盖换好了", "resolve_case", 1024, "新井盖换好了"),
    ("办结 垃圾拉走了", "resolve_case", None, "垃圾拉走了"),
    ("办好了，灯泡换了", "resolve_case", None, "灯泡换了"),
    ("1024挂账到12月10号 等施工队", "suspend_case", 1024, "到12月10号 等施工队"),
    ("挂账 1024 下周一 等配件", "suspend_case", 1024, "下周一 等配件"),
    ("1024先挂着，月底再看", "suspend_case", 1024, "月底再看"),
    ("把1024挂起来 等配件", "suspend_case", 1024, "等配件"),
    ("再挂 1024 月底 还在等", "suspend_case", 1024, "月底 还在等"),
    ("挂账 月底 等配件", "suspend_case", None, "月底 等配件"),
    ("挂账1024", "suspend_case", 1024, ""),
    ("复办 1024", "resume_case", 1024, ""),
    ("1024接着办", "resume_case", 1024, ""),
    ("退单 不归我们管", "return_case", None, "不归我们管"),
    ("1024退回去，不归我们管", "return_case", 1024, "不归我们管"),
    ("转办 1024 城管 不归物业管", "assign_case", 1024, "不归物业管"),
    ("1024转给城管，不归物业管", "assign_case", 1024, "不归物业管"),
    ("把1024转给城管中队 归他们管", "assign_case", 1024, "归他们管"),
    ("1024转给城管", "assign_case", 1024, ""),
]


@pytest.mark.parametrize(("text", "intent", "case", "words"), SAID)
def test_how_units_and_secretaries_say_it(text: str, intent: str, case: int | None, words: str) -> None:
    for addressed in (False, True):
        meant = said(text, role="contact", addressed=addressed)
        assert (meant.name, meant.integer("case"), meant.text("text")) == (intent, case, words)
        assert meant.confidence >= 0.9, "it is done without asking back"


@pytest.mark.parametrize(
    "text",
    [
        *("办结 垃圾拉走了", "退单 不归我们管", "挂账 月底 等配件", "垃圾拉走了 1024", "1024垃圾拉走了"),
        *("派单规则 环境卫生 物业", "环境卫生归物业管"),
    ],
)
def test_what_members_say_to_each_other_is_no_command_of_theirs(text: str) -> None:
    assert said(text, role="member").name == "none"


@pytest.mark.parametrize(
    "text",
    [
        *("我到了 1024", "明天上课 1024", "垃圾拉走了", "办结率85%", "搬走了", "挂账的事明天说", "复办的材料呢"),
        *("物业说修好了3天又坏了", "2026年修好了", "派单规则", "停车充电归物业"),
    ],
)
def test_what_staff_say_among_people_is_no_command_either(text: str) -> None:
    commands = ("resolve_case", "suspend_case", "resume_case", "return_case", "assign_case", "route_rules")
    assert said(text, role="contact").name not in commands
