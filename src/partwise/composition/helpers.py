"""What Monty does otherwise than Python, written in the Python that Monty runs; `rewrite.py` calls these.

No program can name a helper, because the language has no names that start with two underscores. In them a
*pull* is a function that returns the next value or raises StopIteration, and a *run* is a function that hands
every value to the function that it is given. Nothing that a program does raises StopIteration itself.
"""

from __future__ import annotations

import ast
from functools import cache

from partwise.composition.nodes import walk

_OPERATORS = """
def __thaw__(old, other, operate):
    # With a view of a dict, Python makes a set of a frozenset.
    if isinstance(old, frozenset) and type(other).__name__ in ('dict_keys', 'dict_items'):
        old = set(old)
    return operate(old, other)
def __add__(old, more):
    if isinstance(old, list):
        old.extend(more)
        return old
    return old + more
def __multiply__(old, times):
    if isinstance(old, list):
        old[:] = old * times
        return old
    return old * times
def __replace__(old, new):
    if len(old) != len(new) or old != new:
        old.clear()
        old.update(new)
    return old
def __or__(old, more):
    if isinstance(old, dict) or isinstance(old, set) and isinstance(more, (set, frozenset)):
        old.update(more)
        return old
    return __thaw__(old, more, lambda one, two: one | two)
def __and__(old, more):
    if isinstance(old, set) and isinstance(more, (set, frozenset)):
        return __replace__(old, old & more)
    return __thaw__(old, more, lambda one, two: one & two)
def __subtract__(old, less):
    if isinstance(old, set) and isinstance(less, (set, frozenset)):
        return __replace__(old, old - less)
    return __thaw__(old, less, lambda one, two: one - two)
def __xor__(old, other):
    if isinstance(old, set) and isinstance(other, (set, frozenset)):
        return __replace__(old, old ^ other)
    return __thaw__(old, other, lambda one, two: one ^ two)
"""

_ITERATORS = """
class __Iterator__:
    def __init__(self, pull):
        self.pull = pull
    def __iter__(self):
        return self
    def __next__(self):
        return self.pull()
class __Loop__:
    def __init__(self, values):
        self.pull = __pull__(values)
        self.value = None
        self.done = False
    def __iter__(self):
        return self
    def __next__(self):
        if self.done:
            raise StopIteration
        return self
    def take(self):
        try:
            self.value = self.pull()
        except StopIteration:
            self.done = True
            return False
        return True
def __pull__(values):
    if isinstance(values, __Iterator__):
        return values.pull
    values = iter(values)
    return lambda: next(values)
def __each__(values):
    pull = __pull__(values)
    def run(put):
        while True:
            try:
                value = pull()
            except StopIteration:
                return
            put(value)
    return run
def __map__(function, *sources):
    pulls = [__pull__(source) for source in sources]
    if len(pulls) == 1:
        only = pulls[0]
        return __Iterator__(lambda: function(only()))
    return __Iterator__(lambda: function(*[pull() for pull in pulls]))
def __filter__(function, source):
    source = __pull__(source)
    def pull():
        while True:
            value = source()
            if function(value) if function is not None else value:
                return value
    return __Iterator__(pull)
def __enumerate__(source, start=0):
    enumerate([], start)
    source = __pull__(source)
    number = start - 1
    def pull():
        nonlocal number
        value = source()
        number += 1
        return (number, value)
    return __Iterator__(pull)
def __zip__(*sources, strict=False):
    pulls = [__pull__(source) for source in sources]
    def pull():
        values = []
        for source in pulls:
            try:
                values.append(source())
            except StopIteration:
                if strict and values:
                    raise ValueError("zip() has arguments of different lengths")
                if strict:
                    for other in pulls[1:]:
                        try:
                            other()
                        except StopIteration:
                            continue
                        raise ValueError("zip() has arguments of different lengths")
                raise StopIteration
        if not values:
            raise StopIteration
        return tuple(values)
    return __Iterator__(pull)
def __reversed__(values):
    reversed(values[:0] if isinstance(values, (list, tuple, str, range)) else values)
    held = values if isinstance(values, (list, tuple, str, range)) else list(values)
    size = len(values)
    index = len(held)
    def pull():
        nonlocal index
        if held is not values and len(values) != size:
            raise RuntimeError("dictionary changed size during iteration")
        index -= 1
        if not 0 <= index < len(held):
            index = 0
            raise StopIteration
        return held[index]
    return __Iterator__(pull)
"""

_USERS = """
def __any__(run):
    def put(value):
        if value:
            raise StopIteration
    try:
        run(put)
    except StopIteration:
        return True
    return False
def __all__(run):
    def put(value):
        if not value:
            raise StopIteration
    try:
        run(put)
    except StopIteration:
        return False
    return True
def __list__(run):
    values = []
    run(lambda value: values.append(value))
    return values
def __set__(run):
    values = set()
    run(lambda value: values.add(value))
    return values
def __dict__(__run, **more):
    values = {}
    __run(lambda pair: values.update([pair]))
    values.update(more)
    return values
def __sum__(run, start=0):
    total = sum([], start)
    def put(value):
        nonlocal total
        total = total + value
    run(put)
    return total
def __best__(run, better, key, options):
    found = False
    best = None
    rank = None
    def put(value):
        nonlocal found, best, rank
        mine = value if key is None else key(value)
        if not found or better(mine, rank):
            found = True
            best = value
            rank = mine
    run(put)
    if found:
        return best
    if 'default' in options:
        return options['default']
    raise ValueError("it was given no values")
def __min__(run, key=None, **options):
    return __best__(run, lambda one, other: one < other, key, options)
def __max__(run, key=None, **options):
    return __best__(run, lambda one, other: one > other, key, options)
def __check_order__(reverse):
    if not isinstance(reverse, int):
        raise TypeError(f"'{type(reverse).__name__}' object cannot be interpreted as an integer")
def __sorted__(run, key=None, reverse=False):
    values = __list__(run)
    __check_order__(reverse)
    if key is None:
        return sorted(values, reverse=reverse)
    ranks = [key(value) for value in values]
    order = sorted(range(len(ranks)), key=lambda index: ranks[index], reverse=reverse)
    return [values[index] for index in order]
def __sort__(values, key=None, reverse=False):
    __check_order__(reverse)
    before = values.copy()
    values.clear()
    after = __sorted__(__each__(before), key, reverse)
    if values:
        raise ValueError("list modified during sort")
    values.extend(after)
def __extend__(values, run):
    run(lambda value: values.append(value))
def __update__(__values, __run, **more):
    if isinstance(__values, set):
        __run(lambda value: __values.add(value))
    else:
        __run(lambda pair: __values.update([pair]))
    if more:
        __values.update(**more)
"""

_OTHERS = """
def __round__(number, ndigits=None):
    if not isinstance(number, float) or ndigits is None or not isinstance(ndigits, int):
        return round(number, ndigits)
    if number != number or number in (float('inf'), float('-inf')) or ndigits > 323:
        return number
    if ndigits >= 0:
        return float(f"{number:.{int(ndigits)}f}")
    if ndigits < -308:
        return 0.0 * number
    size = 10 ** -ndigits
    whole = int(abs(number))
    times, rest = divmod(whole, size)
    if 2 * rest > size or 2 * rest == size and (times % 2 or whole != abs(number)):
        times += 1
    found = float(str(times * size))
    if found == float('inf'):
        raise OverflowError("rounded value too large to represent")
    return -found if str(number)[0] == '-' else found
def __method__(value, name, kinds):
    if isinstance(value, kinds):
        return value
    if name in ('isdisjoint', 'index', 'count'):
        if type(value).__name__ in ('dict_keys', 'dict_items', 'range'):
            return value
    raise AttributeError(f"'{type(value).__name__}' object has no attribute '{name}'")
def __text__(value, shown, spec):
    if shown == 'r':
        value = f"{value!r}"
    elif shown == 'a':
        value = f"{value!a}"
    elif shown == 's':
        value = f"{value!s}"
    if spec and not isinstance(value, (str, int, float)):
        raise TypeError(f"unsupported format string passed to {type(value).__name__}.__format__")
    return f"{value:{spec}}" if spec else f"{value}"
"""


@cache
def _pieces() -> dict[str, tuple[str, frozenset[str]]]:
    """Helper to its text, and to the other helpers that it calls."""
    text = _OPERATORS + _ITERATORS + _USERS + _OTHERS
    pieces: dict[str, tuple[str, frozenset[str]]] = {}
    for node in ast.parse(text).body:
        names = {part.id for part in walk(node) if isinstance(part, ast.Name) and part.id.endswith("__")}
        name = str(getattr(node, "name", ""))
        pieces[name] = (ast.unparse(node) + "\n", frozenset(names - {name}))
    return pieces


@cache
def helper_text(needed: frozenset[str]) -> str:
    """The definitions of some helpers and of what they call themselves."""
    pieces = _pieces()
    wanted, new = set[str](), set(needed)
    while new:
        wanted |= new
        new = {name for found in new for name in pieces[found][1]} - wanted
    return "".join(text for name, (text, _) in pieces.items() if name in wanted)
