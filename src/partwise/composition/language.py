"""The language of compositions: a small subset of Python, parsed and checked without running it.

Nothing that reaches `parse` is trusted. Size, characters and nesting are looked at in one linear pass
before Python's own parser sees the text, because that parser is slow or gives up on deep brackets.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import NoReturn, cast

from partwise.composition.equal import MOST_LOOPS, Streams, refusal
from partwise.composition.nodes import children, walk
from partwise.composition.streams import BUILTINS, ITERATORS
from partwise.types import Subtask

MAX_BYTES = 20_000
"""Longest program, in bytes of UTF-8."""
MAX_DEPTH = 64
"""Deepest syntax tree, in nodes from the module down."""
MAX_SUBTASKS = 8
"""Most subtasks in one decomposition."""
_MAX_BRACKETS = 30
"""Deepest brackets. Python's parser takes exponential time on some wrong texts with deep brackets."""

METHODS = frozenset(
    # list
    "append extend insert remove pop index count sort reverse copy clear"  # noqa: SIM905
    # dict
    " get keys values items setdefault update popitem"
    # set
    " add discard union intersection difference symmetric_difference issubset issuperset isdisjoint"
    # str; `format` is left out because it reaches attributes
    " lower upper strip lstrip rstrip split rsplit splitlines join startswith endswith replace find title"
    " capitalize isdigit isalpha".split()
)
"""The methods of list, dict, set and str that a program may call."""

_NO_PYTHON_NAMES = frozenset(dir(builtins)) - BUILTINS

_INSTEAD: dict[type[ast.AST], tuple[str, str]] = {
    ast.While: ("`while` loops", "use `for`"),
    ast.Import: ("imports", "call the functions that are given"),
    ast.ImportFrom: ("imports", "call the functions that are given"),
    ast.ClassDef: ("classes", "use functions and plain data"),
    ast.Lambda: ("`lambda`", "define a function"),
    ast.Try: ("`try`", "test for the case with `if`"),
    ast.Raise: ("`raise`", "return a value that says so"),
    ast.With: ("`with`", ""),
    ast.Delete: ("`del`", "use a method such as `pop`"),
    ast.Global: ("`global`", "pass and return values"),
    ast.Nonlocal: ("`nonlocal`", "pass and return values"),
    ast.Assert: ("`assert`", "use `if`"),
    ast.AnnAssign: ("annotated assignments", "leave out the annotation"),
    ast.NamedExpr: ("`:=`", "assign in a line of its own"),
    ast.Yield: ("`yield`", "return a list"),
    ast.YieldFrom: ("`yield`", "return a list"),
    ast.Await: ("`await`", ""),
    ast.AsyncFunctionDef: ("`async`", ""),
    ast.AsyncFor: ("`async`", ""),
    ast.AsyncWith: ("`async`", ""),
    ast.Match: ("`match`", "use `if`"),
    ast.Starred: ("starred expressions", "name each value"),
}

# fmt: off
_ALLOWED = frozenset({
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For,
    ast.If, ast.Break, ast.Continue, ast.Pass, ast.Expr, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp,
    ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.Compare, ast.Call, ast.keyword, ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute,
    ast.Subscript, ast.Name, ast.List, ast.Tuple, ast.Slice,
})
# fmt: on


class CompositionError(ValueError):
    """A text that is no program, or no decomposition, of the language.

    Its message is one sentence that names the line, the column and the construct.
    """

    def __init__(self, line: int, column: int, construct: str, sentence: str) -> None:
        super().__init__(f"line {line}, column {column}: {sentence}")
        self.line = line
        """From 1."""
        self.column = column
        """From 1, in characters."""
        self.construct = construct
        """What was found there, e.g. "`while` loops"."""

    def __reduce__(self) -> tuple[type[CompositionError], tuple[int, int, str, str]]:
        sentence = str(self).split(": ", 1)[1]
        return type(self), (self.line, self.column, self.construct, sentence)

    def below(self, lines: int) -> CompositionError:
        """The same of a text before which `lines` other lines stand."""
        line, column, construct, sentence = self.__reduce__()[1]
        return CompositionError(line + lines, column, construct, sentence)


_REMEMBERED = 4096
_SHORT = 2000
"""Longest text that is remembered, in characters: thousands of long ones would fill the memory."""
_passed: set[tuple[str, int, int]] = set()
"""Texts that `parse` let through, with its bounds: they are not checked again, which is most of its work.

Trees are made anew, since whoever asks for one may change it.
"""


def parse(source: str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> ast.Module:
    """Parse and check one program: function definitions and statements of the language.

    Args:
        source: any text, however hostile.
        max_bytes: longest text that is looked at, in bytes of UTF-8; at least 0.
        max_depth: deepest syntax tree, in nodes from the module down; 1 to 100.

    Raises:
        CompositionError: the text is not Python, or uses what is no part of the language.
    """
    source = source.removeprefix("\ufeff")  # The byte order mark that some editors write.
    looked_at = (source, max_bytes, max_depth)
    if not (passed := looked_at in _passed):
        _scan(source, max_bytes)
    try:
        with warnings.catch_warnings(action="ignore"):  # Of escapes such as `\d`, which are no errors.
            module = ast.parse(source)
    except SyntaxError as error:
        reason = (error.msg or "wrong syntax").split("\n")[0].rstrip(".")
        lines = source.count("\n") + 1
        line, column = min(max(error.lineno or 1, 1), lines), max(error.offset or 1, 1)
        raise CompositionError(line, column, "syntax", f"this is not Python ({reason})") from None
    except (RecursionError, MemoryError):
        raise CompositionError(1, 1, "nesting", "the program is nested too deeply") from None
    except ValueError as error:  # Null bytes, and integers of thousands of digits.
        raise CompositionError(1, 1, "syntax", f"this is not Python ({error})") from None
    if not passed:
        _Checker(source, max_depth).check(module)
        if len(_passed) >= _REMEMBERED:
            _passed.clear()
        if len(source) <= _SHORT:
            _passed.add(looked_at)
    return module


def functions(module: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions that a parsed module defines, by name, in order."""
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


@lru_cache(maxsize=_REMEMBERED)
def parse_decomposition(text: str) -> tuple[Subtask, ...]:
    """Parse a decomposition: 1 to 8 lines such as `def ask_preference(user): "Ask what they like."`.

    The docstring may stand on the line after; empty lines may stand between. The last ones are remembered.

    Raises:
        CompositionError: it is no such list, or one name appears twice.
    """
    module = parse(text)
    subtasks: list[Subtask] = []
    for node in module.body:
        if not isinstance(node, ast.FunctionDef):
            raise _error(text, node, "statement", "a decomposition has only `def` lines with a docstring")
        if len(subtasks) == MAX_SUBTASKS:
            sentence = f"a decomposition has at most {MAX_SUBTASKS} subtasks"
            raise _error(text, node, "subtask", sentence)
        body = node.body[0]
        doc = (
            body.value.value if isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant) else None
        )
        if len(node.body) > 1 or not isinstance(doc, str) or not doc.strip():
            sentence = f"the body of `{node.name}` must be one docstring and nothing else"
            raise _error(text, body, "subtask body", sentence)
        parameters = tuple(argument.arg for argument in node.args.args)
        subtasks.append(Subtask(name=node.name, parameters=parameters, doc=" ".join(doc.split())))
    if not subtasks:
        raise CompositionError(1, 1, "text", "a decomposition has at least one subtask")
    return tuple(subtasks)


# Each string matches whatever follows it, or the same text would be looked at from each of its quotes.
_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
    |(?P<prefix>[A-Za-z]{0,2})(?P<string>'''(?:\\(?:.|\Z)|[^\\])*?(?:'''|\Z)
        |\"\"\"(?:\\(?:.|\Z)|[^\\])*?(?:\"\"\"|\Z)
        |'(?:\\(?:.|\Z)|[^'\\\n])*+'?|"(?:\\(?:.|\Z)|[^"\\\n])*+"?)
    |(?P<word>\w+)
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<odd>[^\x00-\x7f])
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")


def _scan(source: str, max_bytes: int) -> None:
    """Refuse, in one pass, what Python's parser should not be asked to look at."""
    # The length in characters comes first, so that huge texts aren't even encoded.
    if len(source) > max_bytes or len(source.encode(errors="replace")) > max_bytes:
        raise CompositionError(1, 1, "size", f"the program is longer than {max_bytes} bytes")
    try:
        source.encode()
    except UnicodeEncodeError as error:
        _refuse(source, error.start, "surrogate", "the text is not valid Unicode")
    if found := _CONTROL.search(source):
        _refuse(source, found.start(), "control character", "control characters are not part of the language")
    depth = 0
    for token in _TOKEN.finditer(source):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "odd" or (kind == "word" and not token["word"].isascii()):
            # Python folds such names (U+FF45 is `e`); the sandbox does not, so that the two would disagree.
            _refuse(source, token.start(), "name", "names use only the letters a to z, digits and `_`")
        # The brackets of an f-string hold expressions; all of them count, which is never too few.
        inside = kind == "string" and "f" in token["prefix"].lower()
        if inside and depth + len(re.findall(r"[(\[{]", token["string"])) > _MAX_BRACKETS:
            _refuse(source, token.start(), "f-string", "this f-string has too many brackets")
        if depth > _MAX_BRACKETS:
            _refuse(source, token.start(), "brackets", f"brackets are nested more than {_MAX_BRACKETS} deep")


def _refuse(source: str, index: int, construct: str, sentence: str) -> NoReturn:
    line = source.count("\n", 0, index) + 1
    raise CompositionError(line, index - source.rfind("\n", 0, index), construct, sentence)


def _error(source: str, node: ast.AST, construct: str, sentence: str) -> CompositionError:
    line, offset = cast(int, getattr(node, "lineno", 1)), cast(int, getattr(node, "col_offset", 0))
    text = source.split("\n")[line - 1]
    return CompositionError(
        line, len(text.encode()[:offset].decode(errors="replace")) + 1, construct, sentence
    )


_PLACED = frozenset({ast.FunctionDef, ast.Return, ast.Break, ast.Continue, ast.For})
# fmt: off
_DETAILED = frozenset({
    ast.Name, ast.FunctionDef, ast.Call, ast.Attribute, ast.Constant, ast.Dict, ast.For, ast.comprehension,
    ast.BinOp, ast.AugAssign,
})
_STREAMS = frozenset({ast.Call, ast.For, ast.comprehension, ast.GeneratorExp})
_REFUSABLE = frozenset({
    ast.Call, ast.Compare, ast.Constant, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp,
})
# fmt: on


class _Checker:
    """Walks the tree with an explicit stack, so that no depth of nesting can exhaust Python's own."""

    def __init__(self, source: str, max_depth: int) -> None:
        self.source = source
        self.max_depth = max_depth
        self.defined: set[str] = set()
        self.streams = Streams()

    def check(self, module: ast.Module) -> None:
        # (node, nearest node with a position, depth, in a function, in how many loops of that function)
        stack: list[tuple[ast.AST, ast.AST, int, bool, int]] = [(module, module, 1, False, 0)]
        while stack:
            node, place, depth, in_function, loops = stack.pop()
            kind = type(node)
            if hasattr(node, "lineno"):
                place = node
            if depth > self.max_depth:
                sentence = f"the program is nested more than {self.max_depth} levels deep"
                raise self._no(place, "nesting", sentence)
            if kind not in _ALLOWED:
                raise self._not_allowed(node, place)
            if kind in _PLACED:
                self._check_place(node, depth, in_function, loops)
            if kind in _DETAILED:
                self._check_details(node, place)
            streams = kind in _STREAMS or (isinstance(node, ast.Name) and node.id in ITERATORS)
            if (streams and (found := self.streams.refusal(node))) or (
                kind in _REFUSABLE and (found := refusal(node))
            ):
                raise self._no(place, *found)
            if kind is ast.FunctionDef:
                in_function, loops = True, 0
            for part, around in _parts(node):
                stack += [(child, place, depth + 1, in_function, loops + around) for child in reversed(part)]

    def _no(self, node: ast.AST, construct: str, sentence: str) -> CompositionError:
        return _error(self.source, node, construct, sentence)

    def _not_allowed(self, node: ast.AST, place: ast.AST) -> CompositionError:
        construct, instead = _INSTEAD.get(type(node), (f"`{type(node).__name__}`", ""))
        verb = "are" if construct.endswith("s") else "is"
        sentence = f"{construct} {verb} not part of the language" + (f"; {instead}" if instead else "")
        return self._no(place, construct, sentence)

    def _check_place(self, node: ast.AST, depth: int, in_function: bool, loops: int) -> None:
        if isinstance(node, ast.FunctionDef):
            if depth != 2:
                raise self._no(node, "nested function", "functions are defined only at the top level")
            if node.name in self.defined:
                raise self._no(node, "redefinition", f"`{node.name}` is defined twice")
            self.defined.add(node.name)
        elif isinstance(node, ast.Return) and not in_function:
            raise self._no(node, "`return`", "`return` stands only inside a function")
        elif isinstance(node, (ast.Break, ast.Continue)) and not loops:
            word = type(node).__name__.lower()
            raise self._no(node, f"`{word}`", f"`{word}` stands only inside a loop")
        elif isinstance(node, ast.For) and loops == MOST_LOOPS:
            raise self._no(node, "nesting", f"loops nest at most {MOST_LOOPS} deep")

    def _check_details(self, node: ast.AST, place: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._check_name(node, node.id, binds=not isinstance(node.ctx, ast.Load))
        elif isinstance(node, ast.FunctionDef):
            self._check_function(node)
        elif isinstance(node, ast.Call):
            self._check_call(node)
        elif isinstance(node, ast.Attribute):
            # Called attributes are checked with their call and never come here.
            raise self._no(node, "attribute", f"`.{node.attr}` can't be used; only methods are called")
        elif isinstance(node, ast.Constant):
            if not (node.value is None or isinstance(node.value, (bool, int, float, str))):
                kind = "`...`" if node.value is ... else f"{type(node.value).__name__} literals"
                raise self._no(node, kind, f"{kind} are not part of the language")
        elif isinstance(node, ast.Dict) and None in node.keys:
            raise self._no(node, "`**`", "`**` is not part of the language in a dict; use `update`")
        elif isinstance(node, (ast.For, ast.comprehension)):
            if isinstance(node, ast.comprehension) and node.is_async:
                raise self._no(place, "`async`", "`async` is not part of the language")
            if any(isinstance(part, ast.Subscript) for part in walk(node.target)):
                raise self._no(node.target, "loop target", "a loop runs over plain names")
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.MatMult):
            raise self._no(node, "`@`", "`@` is not part of the language")

    def _check_name(self, node: ast.AST, name: str, *, binds: bool) -> None:
        if name.startswith("__"):
            raise self._no(node, "name", f"`{name}` starts with two underscores, which no name may")
        if name in _NO_PYTHON_NAMES:
            raise self._no(node, "builtin", f"`{name}` is not part of the language")
        if binds and name in BUILTINS:
            raise self._no(node, "builtin", f"`{name}` is a builtin and can't be given another meaning")

    def _check_function(self, node: ast.FunctionDef) -> None:
        self._check_name(node, node.name, binds=True)
        if node.decorator_list:
            raise self._no(node.decorator_list[0], "decorators", "decorators are not part of the language")
        given = node.args
        if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs or given.defaults:
            raise self._no(node, "parameters", f"the parameters of `{node.name}` must be plain names")
        if node.returns or any(argument.annotation for argument in given.args):
            raise self._no(node, "annotations", "annotations are not part of the language")
        names = [argument.arg for argument in given.args]
        for argument in given.args:
            self._check_name(argument, argument.arg, binds=True)
        if len(set(names)) < len(names):
            raise self._no(node, "parameters", f"`{node.name}` has two parameters of one name")

    def _check_call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr not in METHODS:
                raise self._no(node, "method", f"the method `.{function.attr}` is not part of the language")
        elif not isinstance(function, ast.Name):
            raise self._no(node, "call", "only a function or a method that is named can be called")
        names = [keyword.arg for keyword in node.keywords]
        if None in names:
            raise self._no(node, "`**`", "`**` is not part of the language in a call; name each argument")
        for name in cast(list[str], names):
            if name.startswith("__"):
                raise self._no(node, "name", f"`{name}` starts with two underscores, which no name may")
        if len(set(names)) < len(names):
            raise self._no(node, "arguments", "one argument is given twice")


def _parts(node: ast.AST) -> list[tuple[Sequence[ast.AST], int]]:
    """The nodes to look at below one, and 1 where they lie in its loop, the last ones first."""
    if isinstance(node, ast.For):
        return [(node.orelse, 0), (node.body, 1), ((node.target, node.iter), 0)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return [((node.func.value, *node.args, *node.keywords), 0)]
    return [(children(node), 0)]
