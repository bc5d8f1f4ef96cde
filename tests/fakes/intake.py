"""An intake that remembers what platforms hand it, for tests of platforms alone."""

from bot.messages import IncomingMessage, Receipt, Unavailable


class StubIntake:
    """Answers ``answer`` to everything, the second time as a duplicate. ``unavailable``: how often it fails first."""

    def __init__(self, answer: str = "", *, unavailable: int = 0) -> None:
        self.answer = answer
        self.unavailable = unavailable
        self.messages: list[IncomingMessage] = []

    async def submit(self, message: IncomingMessage) -> Receipt:
        """Remembers a message that it has not seen."""
        if self.unavailable:
            self.unavailable -= 1
            raise Unavailable
        duplicate = any(message.key == earlier.key for earlier in self.messages)
        if not duplicate:
            self.messages.append(message)
        return Receipt(self.answer, duplicate)
