"""What can be done with a whole dataset, each in a dialog that blocks nothing."""

from __future__ import annotations

from studio.gui.pages.data.tools.drafts_dialog import DraftsDialog
from studio.gui.pages.data.tools.export_dialog import ExportDialog
from studio.gui.pages.data.tools.finding_dialog import DuplicatesDialog, SecretsDialog
from studio.gui.pages.data.tools.history_dialog import HistoryDialog
from studio.gui.pages.data.tools.instructions_dialog import InstructionsDialog
from studio.gui.pages.data.tools.lengths_dialog import LengthsDialog
from studio.gui.pages.data.tools.mix_dialog import MixDialog
from studio.gui.pages.data.tools.split_dialog import SplitDialog
from studio.gui.pages.data.tools.tool import ToolDialog

TOOLS: dict[str, type[ToolDialog]] = {
    "duplicates": DuplicatesDialog,
    "lengths": LengthsDialog,
    "secrets": SecretsDialog,
    "split": SplitDialog,
    "mix": MixDialog,
    "drafts": DraftsDialog,
    "instructions": InstructionsDialog,
    "history": HistoryDialog,
    "export": ExportDialog,
}
