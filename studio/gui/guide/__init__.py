"""The guide beside the pages: leads through a course on the real screens, and points at what to press next."""
