"""Figures. They draw measured numbers; they compute nothing and know no benchmark."""
