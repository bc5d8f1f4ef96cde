"""Dictation: words of the field that a voice transcript wrote with others of the same sound, 井改 for 井盖."""

from collections.abc import Mapping, Sequence

from bot.understanding.normalise import Message
from bot.understanding.segment import Segmenter
from bot.understanding.sounds import sounds
from bot.understanding.tokens import Span, Token

ANYWHERE = "同音"
"""The word class of what is heard wherever it stands."""
ALONE = "独说同音"
"""The word class of what is heard only between gaps: 请加 alone is 请假, in 请加辣 it is not."""


class Dictation:
    """Hears words by their sound where what was written makes none."""

    def __init__(self, classes: Mapping[str, Sequence[str]], segmenter: Segmenter) -> None:
        self._sounds = sounds()
        self._segmenter = segmenter
        anywhere = {self._sounds.of(word): word for word in classes[ANYWHERE]}
        self._alone = {self._sounds.of(word): word for word in classes[ALONE]}
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        for sound, word in (anywhere | self._alone).items():
            self._by_start.setdefault(sound[0], []).append((sound, word))

    def heard(self, message: Message, tokens: Sequence[Token]) -> Message | None:
        """The message with such words written as they are meant; None where there is none."""
        sounded = self._sounds.of(message.folded)
        folded = message.folded
        for start, first in enumerate(sounded):
            for sound, word in self._by_start.get(first, ()):
                span = Span(start, start + len(sound))
                if sounded.startswith(sound, start) and self._may_be(word, span, sound, folded, tokens):
                    folded = folded[:start] + word + folded[span.end :]
        return message._replace(folded=folded) if folded != message.folded else None

    def _may_be(self, word: str, span: Span, sound: str, folded: str, tokens: Sequence[Token]) -> bool:
        """Whether the characters there are whole tokens that make no word together, and stand where they may."""
        written = folded[span.start : span.end]
        if written == word or self._segmenter.knows(written):
            return False
        if not {edge for token in tokens for edge in token.span}.issuperset(span):
            return False
        return sound not in self._alone or _stands_alone(span, folded)


def _stands_alone(span: Span, folded: str) -> bool:
    around = folded[max(0, span.start - 1) : span.start] + folded[span.end : span.end + 1]
    return not any(character.isalpha() for character in around)
