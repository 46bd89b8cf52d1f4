"""plumbline demo: align the starter model, base -> SFT -> reward model -> DPO and PPO, and show what changed.

Everything is real and offline: the sample data is imported into a new project, workers train, and every stage answers
prompts that training never saw. It ends with a table and a report, and with the project, to look around in.
"""

from studio.cli.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
