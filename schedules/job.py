"""What a job is: a name, and a way to say what is due."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from schedules.directory import Directory
from schedules.due import Due


@dataclass(frozen=True, slots=True)
class Job:
    """Names what is due in ``(start, end]``, without doing it; more than that may be named."""

    name: str
    dues: Callable[[Directory, datetime, datetime], Iterable[Due]]
