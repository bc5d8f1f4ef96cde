"""The roster (名册): organisations and people from a CSV or xlsx file, all rows or none.

A file is read into cells with their lines (``reading``), every row is checked (``checking``), and the records are
brought in step with it (``importing``); ``command`` is what ``jufeng import`` does.
"""

from bot.roster.checking import RosterRow, read_roster
from bot.roster.command import run_import
from bot.roster.importing import ImportResult, import_roster
from bot.roster.problems import Problem, RosterError

__all__ = ["ImportResult", "Problem", "RosterError", "RosterRow", "import_roster", "read_roster", "run_import"]
