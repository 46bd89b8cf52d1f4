"""Judging models: what one answers to a set of prompts, and what is measured of it. Its words are `core.evaluation`,
which also makes the figures; nothing in here knows what a right answer is."""
