"""All jobs."""

from schedules import (
    branch_digest,
    case_follow_up,
    case_overdue,
    draft_close,
    duty_reminder,
    lesson_close,
    lesson_open,
    lesson_reminder,
    mobile_reminders,
    notice_close,
    notice_nudge,
    offer_close,
    organiser_digest,
    series,
    suspension_end,
)

JOBS = (
    lesson_close.JOB,
    series.JOB,
    lesson_open.JOB,
    lesson_reminder.JOB,
    duty_reminder.JOB,
    branch_digest.JOB,
    organiser_digest.JOB,
    notice_nudge.JOB,
    notice_close.JOB,
    mobile_reminders.JOB,
    case_overdue.JOB,
    suspension_end.JOB,
    case_follow_up.JOB,
    draft_close.JOB,
    offer_close.JOB,
)
