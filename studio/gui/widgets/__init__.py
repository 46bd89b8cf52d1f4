"""Small reusable parts of pages, one idea each."""
