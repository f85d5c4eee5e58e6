"""Experiments, a folder each: settings, cells, figures, page. `registry` names them."""
