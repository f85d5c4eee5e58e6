"""No circle between files: what imports go through can be read from the bottom up."""

import subprocess
import sys
from graphlib import TopologicalSorter

import grimp

from partwise.studies.registry import RUNS, STUDIES


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("partwise", exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError, with the circle
    assert order.index("partwise.types") < order.index("partwise.cli.main")


def test_a_page_is_drawn_without_a_model_being_loaded() -> None:
    """`partwise report` opens any page, of what is unfinished too: what computes is imported later."""
    every = [*STUDIES.values(), *RUNS.values()]
    pages = [named.partition(":")[0] for study in every for named in (study.shows, study.grows) if named]
    asked = f"import importlib, sys\nfor name in {pages}: importlib.import_module(name)\n"
    asked += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
