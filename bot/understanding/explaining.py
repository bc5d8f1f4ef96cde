"""Why a text is understood as it is, in Chinese, for those who work on the lexicon: ``jufeng understand --explain``."""

from bot.understanding.commands import TIERS
from bot.understanding.intent import NONE
from bot.understanding.understanding import ACT, HALF, INTENTS, Judged, Reading, Understanding

MOST = 12
"""Pieces of evidence told of each answer."""


def explain(understanding: Understanding, text: str, *, addressed: bool, staff: bool) -> list[str]:
    """What was read, which pattern or evidence decided, what else it may have meant and why nothing is said."""
    reading, judged = understanding.reading_of(text, addressed=addressed, staff=staff)
    if reading is None:
        return ["空的：没有看得见的字"]
    told = [f"读作：{reading.message.folded}", f"分词：{' '.join(token.word for token in reading.tokens)}"]
    for said, match in (("口令", reading.meant), ("点名由书记说，会是口令", reading.heard)):
        if match is not None and (said == "口令" or reading.meant is None):
            told.append(f"{said}：{match.intent}，{TIERS[match.tier]}，句式 {match.source}")
    if judged.command is not None:
        told.append(f"听口令的：{judged.name} {judged.sureness:.2f}")
    else:
        told += _weighed(understanding, reading, judged)
    if understanding.is_bare(judged, reading):
        told.append("只当回答：随口的一声，或者只有地点；没有人在等回答，就不当回事")
    elif judged.name == NONE.name:
        told.append(f"不当回事：点了名要 {HALF}，没点名要 {ACT}，还不能有句式说「点名才算」")
    return told


def _weighed(understanding: Understanding, reading: Reading, judged: Judged) -> list[str]:
    weights = understanding.weights[INTENTS]
    probable = dict(zip(weights.answers, weights.judge(reading.evidence), strict=True))
    likely = sorted(probable, key=lambda name: -probable[name])[:3]
    told = ["凭证据：" + "，".join(f"{name} {probable[name]:.2f}" for name in likely)]
    rival = next(name for name in likely if name != judged.name)
    for name, against in ((judged.name, rival), (rival, judged.name)):
        speaking = weights.speaking(reading.evidence, name, against)
        most = sorted((piece for piece in speaking if speaking[piece] > 0), key=lambda piece: -speaking[piece])[:MOST]
        told.append(f"更像 {name}：" + "；".join(f"{piece} {speaking[piece]:+.2f}" for piece in most))
    return told
