"""What 小蜂 does for people, one file a job. Importing this package registers every handler."""

from handlers import (
    appeals,
    assistance,
    case_queries,
    cases,
    checkin,
    digests,
    exports,
    hazards,
    leave,
    lessons,
    members,
    membership,
    planning,
    points,
    ratings,
)

__all__ = [
    "appeals",
    "assistance",
    "case_queries",
    "cases",
    "checkin",
    "digests",
    "exports",
    "hazards",
    "leave",
    "lessons",
    "members",
    "membership",
    "planning",
    "points",
    "ratings",
]
