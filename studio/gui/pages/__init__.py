"""One page a tab. Pages never import each other; `studio.gui.app` wires them."""
