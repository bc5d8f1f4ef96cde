"""``jufeng understand``: JSON lines in, JSON lines out."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from bot.understanding.classifier import Classifier, best
from bot.understanding.explaining import explain
from bot.understanding.intent import Intent
from bot.understanding.understanding import Understanding

ROLES = ("member", "secretary", "organizer", "contact")


class LineError(ValueError):
    """A line is no question to the bot; the message says why, in Chinese."""


def run(
    lines: Iterable[str], now: datetime, classifier: Classifier | None = None, *, explained: bool = False
) -> Iterator[str]:
    """One line of answer for each line of question, at the aware time ``now``.

    A question is an object with ``text`` and, if wanted, ``addressed``, ``role`` and ``private``; the answer is the
    same object with what the text means. A line that is none gives ``{"error": …}`` with its number; an empty one
    nothing. With a ``classifier`` the answer also has ``sureness``, that of ``category``, and ``judged``: what the
    classifier by itself makes of the text, whatever it means. ``explained`` answers also have ``evidence``: why, line
    by line in Chinese.
    """
    understanding = _loaded().with_classifier(classifier)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            answer = _answer(understanding, classifier, line, number, now)
            if explained and "error" not in answer:
                answer["evidence"] = _evidence(understanding, answer)
            yield _printable(json.dumps(answer, ensure_ascii=False))


@cache
def _loaded() -> Understanding:
    return Understanding()


def _answer(
    understanding: Understanding, classifier: Classifier | None, line: str, number: int, now: datetime
) -> dict[str, Any]:
    try:
        question = _question(line)
    except LineError as error:
        return {"error": f"第 {number} 行：{error}"}
    intent = understanding.understand(
        question["text"],
        addressed=question.get("addressed", False),
        role=question.get("role", "member"),
        private=question.get("private", False),
        now=now,
    )
    judged = {"sureness": intent.sureness, "judged": _judged(classifier, question["text"])} if classifier else {}
    return question | _fields(intent) | judged


def _evidence(understanding: Understanding, question: dict[str, Any]) -> list[str]:
    addressed = question.get("addressed", False) or question.get("private", False)
    staff = question.get("role", "member") != "member"
    return explain(understanding, question["text"], addressed=addressed, staff=staff)


def _question(line: str) -> dict[str, Any]:
    """Raises LineError."""
    try:
        question = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineError("不是一行 JSON") from error
    if not isinstance(question, dict):
        raise LineError('应是一个对象，如 {"text": "签到"}')
    if not isinstance(question.get("text"), str):
        raise LineError("缺少 text，它应是一段文字")
    for key in ("addressed", "private"):
        if not isinstance(question.get(key, False), bool):
            raise LineError(f"{key} 只能是 true 或 false")
    if question.get("role", "member") not in ROLES:
        raise LineError(f"role 只能是 {'、'.join(ROLES)}")
    return question


def _fields(intent: Intent) -> dict[str, Any]:
    return {
        "intent": intent.name,
        "confidence": intent.confidence,
        "reply": intent.reply,
        "slots": dict(intent.slots),
        "category": intent.category,
    }


def _judged(classifier: Classifier, text: str) -> dict[str, Any] | None:
    found = best(classifier.judge(text))
    return {"category": found[0], "sureness": round(found[1], 2)} if found else None


def _printable(line: str) -> str:
    """Unpaired surrogates cannot be written as UTF-8; they become question marks."""
    return line.encode("utf-8", "replace").decode("utf-8")
