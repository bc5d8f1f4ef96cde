"""Cutting texts into words."""

import jieba

from bot.understanding.commands import Commands
from bot.understanding.lexicon import CommandRules, load
from bot.understanding.segment import RARE, Segmenter, dictionary

TEXTS = ["我上回申诉过了", "台账还没交", "能帮着问问吗", "给黄姐那边补记3分 上回送考漏了她"]


def test_the_dictionary_is_what_jieba_itself_makes_of_it_without_rare_words() -> None:
    tokenizer = jieba.Tokenizer()
    with tokenizer.get_dict_file() as file:
        ours, said = dictionary(file)
    with tokenizer.get_dict_file() as file:
        theirs, all_said = tokenizer.gen_pfdict(file)
    words = {word: times for word, times in theirs.items() if times > RARE}
    begun = {word[:end] for word in words for end in range(1, len(word))} - words.keys()
    assert ours == words | dict.fromkeys(begun, 0)
    assert said == all_said


def test_the_order_in_which_words_come_makes_no_difference() -> None:
    """They came from a set: one process in two cut 我上|回 where the other cut 我|上回."""
    words = sorted({*load().words()})
    one, other = Segmenter(words), Segmenter(reversed(words))
    assert [one.cut(text) for text in TEXTS] == [other.cut(text) for text in TEXTS]


def test_of_two_patterns_as_good_the_first_of_the_file_counts() -> None:
    """Here too it was now this one, now that."""
    patterns = [f"发{'[个]' * times}通知 {{text}}" for times in range(20)]
    rules = CommandRules({"sure": tuple(patterns)}, staff=False, asks=False, fields=False)
    meant, heard = Commands({"send_notice": rules}, {}).match("发通知 明天大风", addressed=True, staff=True)
    assert meant == heard
    assert meant is not None
    assert meant.source == patterns[0]
