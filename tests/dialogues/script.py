"""The format of dialogues: plain text files that tests run and the documentation quotes.

# 标题
王书记@支部群: 开课 10分钟微课堂 交通安全      somebody says something in a group; 小李@小蜂 is private chat
小李@支部群: [照片] 东门井盖没了              … with a photo
小李@支部群: [位置] 幸福里东门                 … sends a location with this label, and no words
小李@支部群 按「签到」                        somebody presses a button of the latest card there
王书记@小蜂 选「幸福里物业」                    … picks one of its choice
老陈@物业群 填「已清运」                       … writes this into its form and submits it
路人甲@小蜂 进来                             somebody opens the private chat
小蜂@支部群: …                                what the bot says there; 小蜂@小李 is private chat
小蜂@王书记: [文件] 名册-幸福里流动党支部.xlsx     … a file
小蜂 ✓ 小李                                   the quiet acknowledgement of what 小李 said
小蜂提示小李: 已签到                          what a pressed button shows
（卡片：已签到：1 / 12）                      what the latest card of the group shows by now
（小蜂不说话）                                nothing at all
时间 15:11      时间 周五 15:30               the clock moves forward
A link to a signed page is written http…/p/<page>/…, whatever it is signed with. 〔签到码〕 stands for the code that is
shown at the place now, 〔码:东站驿站〕 for the code of that 阵地.
Lines that begin with two spaces continue the line above.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

BOT = "小蜂"
SILENCE = "（小蜂不说话）"
_HAND = re.compile(r"(?P<who>[^@\s]+)@(?P<where>\S+) (?P<how>[按选填])「(?P<what>.*)」")
_ENTER = re.compile(r"(?P<who>[^@\s]+)@小蜂 进来")
_SAY = re.compile(r"(?P<who>[^@\s]+)@(?P<where>[^:：\s]+): (?P<text>.*)", re.DOTALL)
_CARD = re.compile(r"（卡片：(?P<text>.+)）", re.DOTALL)
_PHOTO = "[照片]"
_PLACE = "[位置]"
_HANDS = {"按": "press", "选": "pick", "填": "fill"}


@dataclass(slots=True)
class Step:
    """Something that happens, and everything that the bot must do then and nothing else."""

    line: int
    kind: str
    """``say``, ``place``, ``press``, ``pick``, ``fill``, ``enter`` or ``time``."""
    who: str = ""
    where: str = ""
    text: str = ""
    photo: bool = False
    expected: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A titled sequence of steps."""

    title: str
    steps: list[Step]


def read_dialogue(path: Path) -> Dialogue:
    """Parses a file. Raises ValueError, which names the line, for what is not in the format."""
    title = ""
    steps: list[Step] = []
    for number, line in _logical_lines(path.read_text(encoding="utf-8")):
        if line.startswith("# "):
            title = title or line[2:]
        elif line == SILENCE or line.startswith((f"{BOT}@", f"{BOT} ", f"{BOT}提示", "（卡片：")):
            _expect(steps, number, line)
        else:
            steps.append(_step(number, line))
    return Dialogue(title, steps)


def _logical_lines(text: str) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("  ") and lines:
            first, before = lines[-1]
            lines[-1] = (first, f"{before}\n{line[2:]}")
        elif line.strip():
            lines.append((number, line.rstrip()))
    return lines


def _expect(steps: list[Step], number: int, line: str) -> None:
    if not steps:
        raise ValueError(f"line {number}: nothing has happened yet")
    if card := _CARD.fullmatch(line):
        steps[-1].cards.append(card["text"])
    elif line != SILENCE:
        steps[-1].expected.append(line)


def _step(number: int, line: str) -> Step:
    if line.startswith("时间 "):
        return Step(number, "time", text=line.removeprefix("时间 "))
    if hand := _HAND.fullmatch(line):
        return Step(number, _HANDS[hand["how"]], hand["who"], hand["where"], hand["what"])
    if enter := _ENTER.fullmatch(line):
        return Step(number, "enter", enter["who"], BOT)
    if say := _SAY.fullmatch(line):
        text = say["text"]
        if text.startswith(_PLACE):
            return Step(number, "place", say["who"], say["where"], text.removeprefix(_PLACE).strip())
        photo = text.startswith(_PHOTO)
        return Step(number, "say", say["who"], say["where"], text.removeprefix(_PHOTO).strip(), photo)
    raise ValueError(f"line {number}: not in the format of dialogues: {line}")
