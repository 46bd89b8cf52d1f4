"""Worker processes: how they are started, found again, talked to and stopped. No Qt, no torch."""
