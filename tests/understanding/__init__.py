"""Texts as people of several cities type and dictate them, what they mean, and how much of it is understood.

``tuning/`` may be looked at while the lexicon is worked on; ``test/`` only measures it, and is never tuned on.
"""
