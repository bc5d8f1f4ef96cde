"""All jobs."""

from schedules import branch_digest, duty_reminder, lesson_close, lesson_reminder, organiser_digest

JOBS = (lesson_close.JOB, lesson_reminder.JOB, duty_reminder.JOB, branch_digest.JOB, organiser_digest.JOB)
