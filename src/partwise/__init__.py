"""Partwise: align the parts, measure the whole."""

__version__ = "0.1.0"
