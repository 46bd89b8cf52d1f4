"""The starter: a small closed world, the text and sample data it yields, and its base model.

Build-time code, run with `PYTHONPATH=packaging python -m starter.<name>`; the window and the worker never
import it. The gold judge is `studio.core.gold_judge`.
"""
