"""Cutting a text into words with jieba and the words of the field."""

import logging
import warnings
from collections.abc import Iterable

with warnings.catch_warnings():
    # jieba 0.42.1 has unescaped backslashes and asks for pkg_resources: Python warns of both when it is imported.
    warnings.simplefilter("ignore")
    import jieba

logging.getLogger("jieba").setLevel(logging.WARNING)


class Segmenter:
    """jieba's dictionary and the lexicon's words.

    The dictionary is read from jieba's own file, not from its cache: the cache lies where others may write, and reading
    it is no faster.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._tokenizer = jieba.Tokenizer()
        with self._tokenizer.get_dict_file() as file:
            self._tokenizer.FREQ, self._tokenizer.total = self._tokenizer.gen_pfdict(file)
        self._tokenizer.initialized = True
        for word in words:
            self._tokenizer.add_word(word)

    def cut(self, text: str) -> list[str]:
        """The tokens, which together are the text; unknown names fall into single characters."""
        return self._tokenizer.lcut(text, HMM=False)
