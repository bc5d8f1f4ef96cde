"""How characters sound: a voice transcript writes 景盖 for 井盖, and 四 for 是.

GB 2312 orders its 3,755 common characters by their sound, so that the first of each syllable is enough to know all.
Tones make no difference, nor do the sounds that are the same to many speakers (zh and z, n and l, ing and in).
"""

import re
from bisect import bisect_right

_LAST = "座"
"""The last of the common characters."""
_BLURRED = ((re.compile("^([zcs])h"), r"\1"), (re.compile("^n(?!$)"), "l"), (re.compile("(?<=[ie])ng$"), "n"))


class Sounds:
    """Writes texts so that what sounds the same looks the same."""

    def __init__(self, firsts: str) -> None:
        """``firsts``: each syllable and the first of its characters, in the order of GB 2312: ``a啊 ai埃``."""
        entries = [(entry[-1].encode("gb2312"), entry[:-1]) for entry in firsts.split()]
        codes = [code for code, _ in entries]
        one_of: dict[str, int] = {}
        self._table: dict[int, int] = {}
        for first in range(0xB0, 0xD8):
            for second in range(0xA1, 0xFF):
                code = bytes((first, second))
                if codes[0] <= code <= _LAST.encode("gb2312"):
                    character = ord(code.decode("gb2312"))
                    syllable = _blurred(entries[bisect_right(codes, code) - 1][1])
                    self._table[character] = one_of.setdefault(syllable, character)

    def of(self, text: str) -> str:
        """A text of the same length, each common character replaced by the first that sounds so."""
        return text.translate(self._table)


def _blurred(syllable: str) -> str:
    for pattern, plain in _BLURRED:
        syllable = pattern.sub(plain, syllable)
    return syllable
