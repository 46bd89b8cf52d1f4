"""The starter: a small closed world, the text and sample data it yields, its gold judge and its base model.

Build-time code, run with `PYTHONPATH=packaging python -m starter.<name>`; the window and the worker never
import it (only the demo's evaluation borrows `starter.judge`, which needs nothing but the standard library).
"""
