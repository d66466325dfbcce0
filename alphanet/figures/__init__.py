"""Figures. They take what was measured and draw it; they compute nothing and know no benchmark."""
