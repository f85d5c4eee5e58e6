import sys
from pathlib import Path

# The tests here share `fixture_dinner`, which pytest's importlib mode would not find.
sys.path.insert(0, str(Path(__file__).parent))
