"""Taking models away: adapters, merged weights, GGUF, and adapters made of others.

What is asked for and answered is `core.exporting`. Files come to stand in a new folder, whole or not at all.
"""
