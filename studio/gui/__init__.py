"""The window: pages, widgets and the application. PySide6 and pyqtgraph; no torch, and nothing that waits."""
