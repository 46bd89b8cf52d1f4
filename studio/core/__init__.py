"""What the program is about: messages, datasets, recipes, events, run states, metrics. Standard library only."""
