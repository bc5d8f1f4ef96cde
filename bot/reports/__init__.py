"""Texts for people, made of records: cards, summaries, reminders, digests. Only recorded facts."""
