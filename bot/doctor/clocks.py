"""Whether this machine's clock agrees with others."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.doctor.findings import Finding, ok, warn

TOLERANCE = timedelta(seconds=60)


def compare(source: str, theirs: datetime, ours: datetime) -> Finding:
    """A warning where the two are more than a minute apart."""
    skew = theirs - ours
    seconds = round(abs(skew).total_seconds())
    if abs(skew) <= TOLERANCE:
        return ok(f"时钟和{source}一致（相差 {seconds} 秒）")
    direction = "慢" if skew > timedelta() else "快"
    return warn(
        f"这台机器的时钟比{source}{direction} {seconds} 秒",
        "请打开自动对时（timedatectl set-ntp true），否则签到时间、截止时间都会不准",
    )


def http_date(header: str) -> datetime | None:
    """The time of an HTTP ``Date`` header (RFC 9110, section 6.6.1)."""
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
