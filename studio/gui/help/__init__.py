"""Help inside the window: the pages of `resources/help`, and the words that stand on the screen."""
