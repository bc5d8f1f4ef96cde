"""What a secretary writes about a lesson besides its kind and time: place, link, host, recorder, agenda."""

from collections.abc import Mapping

from bot.understanding.fields import AGENDA, COUNTS_AS, HOST, LINK, PLACE, RECORDER, TOPIC, labelled
from models.lessons import Lesson, kind_named

LONGEST: Mapping[str, int] = {TOPIC: 40, PLACE: 40, LINK: 300, HOST: 20, RECORDER: 20, AGENDA: 500, COUNTS_AS: 12}
"""Characters that are kept of each field. A button may have to say them all, in 1000 characters (Feishu's option)."""
LABELS: Mapping[str, str] = {LINK: "线上", HOST: "主持", RECORDER: "记录", AGENDA: "议程", COUNTS_AS: "计入"}
"""How the fields beside topic and place are shown, in this order."""


def read_fields(text: str) -> dict[str, str]:
    """The labelled fields of a message, by the lesson's attributes; without those that are empty."""
    found = {field.name: field.value[: LONGEST[field.name]].strip() for field in labelled(text)}
    if COUNTS_AS in found:
        found[COUNTS_AS] = kind_named(found[COUNTS_AS])
    return {name: value for name, value in found.items() if value}


def put(lesson: Lesson, fields: Mapping[str, str]) -> None:
    """Writes the fields into the lesson. One that is of a kind already is not marked to count as that."""
    for name, value in fields.items():
        setattr(lesson, name, value)
    if lesson.counts_as == lesson.kind:
        lesson.counts_as = ""


def field_lines(lesson: Lesson) -> list[str]:
    """``线上：https://…`` and so on: what is known beside topic and place."""
    values = {name: getattr(lesson, name) for name in LABELS}
    return [f"{LABELS[name]}：{value}" for name, value in values.items() if value]


def said_again(values: Mapping[str, str]) -> str:
    """The fields in the words of a command, each in a line of its own."""
    labels = {TOPIC: "主题", PLACE: "地点", **LABELS}
    return "".join(f"\n{label}：{values[name]}" for name, label in labels.items() if values.get(name))


def fields_of(lesson: Lesson) -> dict[str, str]:
    """Topic, place and all fields of a lesson, as ``read_fields`` would read them."""
    return {name: getattr(lesson, name) for name in LONGEST}
