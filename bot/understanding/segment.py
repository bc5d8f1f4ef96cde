"""Cutting a text into words with jieba and the words of the field."""

import logging
import sys
import warnings
from collections.abc import Iterable
from typing import IO

_blocked = sys.modules.setdefault("pkg_resources", None) is None  # type: ignore[arg-type]  # None: cannot be imported
try:
    with warnings.catch_warnings():
        # jieba 0.42.1 has unescaped backslashes, of which Python warns, and would load pkg_resources if it could, which
        # takes a tenth of a second, to open the one file that it opens without as well.
        warnings.simplefilter("ignore")
        import jieba
finally:
    if _blocked:
        del sys.modules["pkg_resources"]

logging.getLogger("jieba").setLevel(logging.WARNING)

RARE = 10
"""How often a word was met in the texts that jieba's dictionary was counted from, up to which it is left out: seven
words in ten, most of them entered from lists of names, idioms and terms. A text is cut a little finer without them, and
what is learned from texts cut so is as good; but the dictionary is read and searched in much less time and memory.
"""


def dictionary(file: IO[bytes]) -> tuple[dict[str, int], int]:
    """What jieba's own ``gen_pfdict`` makes of its dictionary, without the rare words: how often each word was said, 0
    for what only begins one; and the sum of all, with the rare ones.
    """
    often: dict[str, int] = {}
    said = 0
    for line in file:
        word, times, _ = line.decode().split(" ", 2)
        count = int(times)
        said += count
        if count > RARE:
            often[word] = count
    for word in [*often]:
        for end in range(len(word) - 1, 0, -1):
            if word[:end] in often:  # and with it what it begins with
                break
            often[word[:end]] = 0
    return often, said


class Segmenter:
    """jieba's dictionary and the lexicon's words.

    The dictionary is read from jieba's own file, not from its cache: the cache lies where others may write, and reading
    it is no faster.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._tokenizer = jieba.Tokenizer()
        with self._tokenizer.get_dict_file() as file:
            self._tokenizer.FREQ, self._tokenizer.total = dictionary(file)
        self._tokenizer.initialized = True
        # Each word is made likelier than its parts: in any other order the same text would be cut now so, now so.
        for word in sorted(words, key=lambda word: (len(word), word)):
            self._tokenizer.add_word(word)

    def cut(self, text: str) -> list[str]:
        """The tokens, which together are the text; unknown names fall into single characters."""
        return self._tokenizer.lcut(text, HMM=False)

    def knows(self, word: str) -> bool:
        """Whether it is a word of the dictionary or the lexicon."""
        return self._tokenizer.FREQ.get(word, 0) > 0
