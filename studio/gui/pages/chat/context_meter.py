"""How much of what a model can read the conversation takes: a line and a bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from studio.gui import theme
from studio.gui.language import tr, trn
from studio.gui.widgets.elided_label import ElidedLabel


class ContextMeter(QWidget):
    """Hidden while nothing is known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left_out = 0
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedSize(72, 6)
        self.words = ElidedLabel()
        theme.set_role(self.words, "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.bar, alignment=Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.words, 1)
        self.hide()

    def tell(self, tokens: int, context: int, *, typed: bool, left_out: int = 0) -> None:
        """tokens: of the conversation, with what is being typed when `typed`. context: what the model reads, 0 for
        unknown. left_out: messages at the beginning that the model no longer reads."""
        self.left_out = left_out
        self.setVisible(bool(tokens))
        self.bar.setVisible(bool(context))
        self.bar.setRange(0, max(1, context))
        self.bar.setValue(min(tokens, context))
        self.bar.setAccessibleName(tr("Share of the context that is taken"))
        if context and typed:
            words = tr("{tokens:,} of {context:,} tokens with this message", tokens=tokens, context=context)
        elif context:
            words = tr("{tokens:,} of {context:,} tokens", tokens=tokens, context=context)
        elif typed:
            words = tr("{tokens:,} tokens with this message", tokens=tokens)
        else:
            words = tr("{tokens:,} tokens", tokens=tokens)
        if context and tokens >= context:
            words = tr("{tokens}: more than the model can read, so the oldest turns will be left out", tokens=words)
        if left_out:
            words = trn(
                "{tokens}; the oldest {count} message left out, so that the rest fits",
                "{tokens}; the oldest {count} messages left out, so that the rest fits",
                left_out,
                tokens=words,
            )
        self.words.show_text(words)
        theme.set_role(self.words, "warning" if left_out or (context and tokens >= context) else "muted")
