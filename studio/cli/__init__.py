"""The command line: the same storage and the same workers as the window, without Qt and without torch."""
