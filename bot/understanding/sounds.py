"""How characters sound: a voice transcript writes 景盖 for 井盖, and 四 for 是.

Tones make no difference, nor do the sounds that are the same to many speakers (zh and z, n and l, ing and in). Of a
character with several readings the usual one counts.
"""

import os
import re
import unicodedata
from functools import cache

os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # its phrases take fifty megabytes, and none is looked up here
from pypinyin.pinyin_dict import pinyin_dict

_COMMON = range(0x4E00, 0xA000)
_BLURRED = ((re.compile("^([zcs])h"), r"\1"), (re.compile("^n(?!$)"), "l"), (re.compile("(?<=[ie])ng$"), "n"))


class Sounds:
    """Writes texts so that what sounds the same looks the same."""

    def __init__(self) -> None:
        one_of: dict[str, int] = {}
        self._table = {
            code: one_of.setdefault(_syllable(reading.partition(",")[0]), code)
            for code, reading in pinyin_dict.items()
            if code in _COMMON
        }

    def of(self, text: str) -> str:
        """A text of the same length, each Chinese character replaced by the first that sounds so."""
        return text.translate(self._table)


@cache
def sounds() -> Sounds:
    """The one table, made when it is first wanted."""
    return Sounds()


@cache
def _syllable(reading: str) -> str:
    letters = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    for pattern, blurred in _BLURRED:
        plain = pattern.sub(blurred, plain)
    return plain
