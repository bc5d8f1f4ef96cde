"""Casual acknowledgements: what people say to a notice, and to one another all day long."""

import re

from bot.understanding.lexicon import AcknowledgementWords

LONGEST = 24
"""Characters; who says more than that says something."""
_TRIFLES = re.compile(r"[\s,.!~:;\-—_*\ufe0f\u20e3\U0001f3fb-\U0001f3ff]+")
"""Marks, and what makes an emoji coloured or framed."""


class Acknowledgements:
    """Knows a text that is nothing but an acknowledgement."""

    def __init__(self, words: AcknowledgementWords) -> None:
        self._means: dict[str, list[tuple[str, bool]]] = {}
        """By their first characters: words, and whether what is said acknowledges by itself."""
        for word, counts in (dict.fromkeys(words.beside, False) | dict.fromkeys(words.words, True)).items():
            self._means.setdefault(word[0], []).append((word, counts))

    def match(self, folded: str) -> bool:
        """Whether a folded text is one; a question never is."""
        if len(folded) > LONGEST:
            return False
        text = _TRIFLES.sub("", folded)
        if text[:1] not in self._means:
            return False
        # for each place that words can end at, whether one that counts may be among them; a regular expression
        # would try every way to cut up 嗯嗯嗯嗯, which takes as long as the bot's answers to everybody else
        ends: list[set[bool]] = [{False}, *(set[bool]() for _ in text)]
        for place, so_far in enumerate(ends):
            for word, counts in self._means.get(text[place : place + 1], ()) if so_far else ():
                if text.startswith(word, place):
                    ends[place + len(word)] |= {counted or counts for counted in so_far}
        return True in ends[-1]
