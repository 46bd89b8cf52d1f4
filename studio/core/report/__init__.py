"""Reports: a self-contained HTML page of charts, tables and texts, made of strings alone.

Nothing is fetched and nothing runs: the page has no script, and its policy forbids any. What models wrote is escaped.
"""
