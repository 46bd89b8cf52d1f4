"""Taking models away: adapters, merged weights, GGUF, and adapters made of others.

What is asked for and answered is `core.exporting`; where files come to stand is always a new folder, whole or not at all.
"""
