"""Examples to learn from and to be measured on: from the worlds, and from public data sets."""
