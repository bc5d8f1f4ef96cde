"""All jobs."""

from schedules import (
    branch_digest,
    duty_reminder,
    lesson_close,
    lesson_open,
    lesson_reminder,
    mobile_reminders,
    notice_close,
    notice_nudge,
    organiser_digest,
    series,
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
)
