"""What is said where an answer to the bot's question chooses nothing (see ``bot.offers``)."""

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent

WHICH = "是哪一个？请回复前面的数字，比如「1」。"
WHICH_NAME = "是哪一个？请说全一点。"
NONE_OF_THEM = "好，不办。换个说法再发一遍就行，我会什么发「帮助」。"
LATE = "这一问已经过去了。要办的话，请把原话再发一遍。"
NOT_ASKED = "这一句不是问你的。有事直接跟我说就行。"


@handles("choose_one", by=Who.ANYONE)
def choose_one(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """对, where there is more than one."""
    return Text(WHICH)


@handles("choose_name", by=Who.ANYONE)
def choose_name(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """幸福里, where several are called so."""
    return Text(WHICH_NAME)


@handles("chose_none", by=Who.ANYONE)
def chose_none(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """不是: nothing is done."""
    return Text(NONE_OF_THEM)


@handles("chose_late", by=Who.ANYONE)
def chose_late(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """A button of a question that was answered, or is too old."""
    return Privately(Text(LATE))


@handles("not_asked", by=Who.ANYONE)
def not_asked(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """A button of what somebody else was asked in the group."""
    return Privately(Text(NOT_ASKED))
