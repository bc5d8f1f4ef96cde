"""What 小蜂 does for people, one file a job. Importing this package registers every handler."""

from handlers import appeals, assistance, cases, checkin, digests, hazards, lessons, membership, points

__all__ = ["appeals", "assistance", "cases", "checkin", "digests", "hazards", "lessons", "membership", "points"]
