"""The plots of a run, and the only place that imports pyqtgraph and numpy: a page does so when it first draws."""
