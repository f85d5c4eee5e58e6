"""Attempts to get out of the sandbox that a program makes; those of a world are in `fixture_escapes_world`.

A program has the inputs `users`, `options` and `path`, which is the path of a file with a secret, and the
tools of `fixture_dinner`. The other canaries are an environment variable, `CANARY`, and what the episode
hides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partwise.types import Outcome

VARIABLE = "PARTWISE_CANARY"
SECRET = "-".join(("quiet", "heron", "4471"))
"""Stands in no program."""
CANARY: dict[str, Any] = {"secret": SECRET, "kept": [1, 2, 3]}

RAN, UNPARSED, RAISED, STOPPED = Outcome.RAN, Outcome.UNPARSED, Outcome.RAISED, Outcome.TIMED_OUT


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt, and how it must end."""

    id: str
    kind: str
    aim: str
    """What it would bring about if it succeeded."""
    source: str
    ends: tuple[Outcome, ...]
    """Outcomes that are right; most attempts have one."""
    says: str = ""
    """What the message holds."""
    result: Callable[[], Any] | None = None
    """What every tool does in place of what it should."""
    inputs: Callable[[], Mapping[str, Any]] | None = None
    """Further inputs of the task."""
    warns: bool = False
    """Whether it is a fault of the world, which is said aloud."""
    passes: type[BaseException] | None = None
    """What goes on to the caller of `run`, where no outcome is promised."""
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trace: tuple[str, ...] | None = None
    """The events as text, where it matters that they are these."""

    @property
    def by_program(self) -> bool:
        """Whether the program is the attempt."""
        return self.result is None and self.inputs is None


def _all(
    kind: str, aim: str, ends: Outcome | tuple[Outcome, ...], sources: Mapping[str, str], **more: Any
) -> list[Attempt]:
    ended = ends if isinstance(ends, tuple) else (ends,)
    return [
        Attempt(id=id, kind=kind, aim=aim, source=source, ends=ended, **more)
        for id, source in sources.items()
    ]


_READ = "read what the host holds"
_WRITE = "change what the host holds"

WALKS = _all(
    "attribute walks",
    _READ,
    UNPARSED,
    {
        "subclasses": "x = ().__class__.__base__.__subclasses__()\n"
        "note([c for c in x if c.__name__ == '_wrap_close'][0].__init__.__globals__['environ']"
        "['PARTWISE_CANARY'])",
        "mro": "note(str([].__class__.__mro__[1].__subclasses__()))",
        "globals of a tool": "note(message.__globals__['CANARY']['secret'])",
        "code of a tool": "note(message.__code__.co_consts)",
        "closure of a tool": "note(message.__closure__[0].cell_contents)",
        "self of a method": "note(users.append.__self__)",
        "module of a builtin": "note(len.__self__.open(path).read())",
        "builtins of a function": "def f():\n    return 1\nnote(f.__builtins__['open'](path).read())",
        "dict of a value": "note(users.__dict__)",
        "getattr": "note(getattr(getattr(message, '__globals__'), 'get')('CANARY')['secret'])",
        "getattr, pieces": "n = '__glo' + 'bals__'\nnote(getattr(message, n)['CANARY']['secret'])",
        "setattr": "setattr(message, '__name__', 'reserve')",
        "format": "note('{0.__globals__[CANARY]}'.format(message))",
        "format_map": "note('{m.__globals__[CANARY]}'.format_map({'m': message}))",
        "format of a variable": "s = '{0.__glo' + 'bals__[CANARY]}'\nnote(s.format(message))",
        "f-string": "note(f\"{message.__globals__['CANARY']}\")",
        "f-string in a format": "note(f\"{1:{message.__globals__['CANARY']}}\")",
        "f-string, debug": "note(f\"{message.__globals__['CANARY']=}\")",
        "generator's frame": "def f():\n    yield 1\nnote(f().gi_frame.f_builtins['open'](path).read())",
        "generator expression's frame": "g = (x for x in users)\n"
        "note(g.gi_frame.f_builtins['open'](path).read())",
        "coroutine's frame": "async def f():\n    pass\nc = f()\n"
        "note(c.cr_frame.f_builtins['open'](path).read())",
        "traceback": "try:\n    1 / 0\nexcept Exception as e:\n"
        "    note(e.__traceback__.tb_frame.f_builtins['open'](path).read())",
        "match by class": "match users:\n    case list(__class__=c):\n"
        "        note(c.__base__.__subclasses__())",
        "comprehension over dunder": "note([x.__class__ for x in users])",
        "walk in a subscript": "note([1][().__class__.__hash__(0)])",
        "walk in a keyword": "search(word=''.__class__, limit=1)",
        "encode": "note('x'.encode().__class__.fromhex('00'))",
        "translate": "note('abc'.translate(users.__class__))",
    },
)

NAMES = _all(
    "builtins by name",
    _READ,
    UNPARSED,
    {
        "open": "note(open(path).read())",
        "eval": "note(eval('open(path).read()'))",
        "exec": "exec('note(open(path).read())')",
        "compile": "note(str(compile('1', 'x', 'eval')))",
        "input": "note(input())",
        "breakpoint": "breakpoint()",
        "exit": "exit()",
        "quit": "quit(1)",
        "help": "help('modules')",
        "globals": "note(str(globals()))",
        "locals": "note(str(locals()))",
        "vars": "note(str(vars(message)))",
        "dir": "note(dir(message))",
        "type": "note(type('X', (), {}))",
        "object": "note(object)",
        "super": "note(super())",
        "memoryview": "note(memoryview('x'))",
        "bytearray": "x = bytearray(10 ** 12)",
        "iter": "x = iter(int, 1)",
        "id": "note(id(users))",
        "print": "print('x')",
        "delattr": "delattr(message, 'x')",
        "__import__": "note(__import__('os').environ['PARTWISE_CANARY'])",
        "__builtins__": "note(str(__builtins__))",
        "__file__": "note(__file__)",
        "__loader__": "note(__loader__.get_data(path))",
        "__debug__": "note(__debug__)",
        "open, handed over": "note(list(map(open, [path])))",
        "open, renamed": "read = open\nnote(read(path).read())",
        "open as a key": "x = sorted([path], key=open)",
    },
)

FORMS = _all(
    "forms that the language has not",
    _READ,
    UNPARSED,
    {
        "import": "import os\nnote(os.environ['PARTWISE_CANARY'])",
        "import as": "import os as list_\nlist_.remove(path)",
        "from import": "from pathlib import Path\nnote(Path(path).read_text())",
        "import star": "from os import *\nremove(path)",
        "import of the canary": "import fixture_escapes\nnote(fixture_escapes.CANARY['secret'])",
        "import in a function": "def f():\n    import socket\n    return socket.gethostname()\nnote(f())",
        "import of a network": "import urllib.request\n"
        "note(urllib.request.urlopen('http://localhost').read())",
        "import of a process": "import subprocess\n"
        "note(subprocess.run(['cat', path], capture_output=True).stdout)",
        "relative import": "from . import sandbox",
        "decorator": "@note\n@(lambda _: open(path).read())\ndef f():\n    pass",
        "default argument": "def f(x=note.__globals__):\n    return x\nnote(f())",
        "annotation": "def f(x: open(path).read()) -> 1:\n    return x",
        "annotated assignment": "x: note(open(path).read()) = 1",
        "walrus": "note((o := open)(path).read())",
        "star arguments": "note(*[open(path).read()])",
        "double star": "note(**{'text': open(path).read()})",
        "star target": "first, *rest = users",
        "lambda": "note((lambda: open(path).read())())",
        "class": "class A(str):\n    def __len__(self):\n        return open(path)\nnote(len(A()))",
        "metaclass": "class M(type):\n    def __getattr__(c, n):\n        return n\n"
        "class A(metaclass=M):\n    pass",
        "with": "with open(path, 'w') as f:\n    f.write('gone')",
        "global": "def f():\n    global message\n    message = reserve\nf()",
        "delete": "del message",
        "raise": "raise SystemExit(0)",
        "assert": "assert 0, open(path).read()",
        "call of a call": "note(message('Ana')())",
        "call of a subscript": "note([message][0]('Ana'))",
        "attribute as target": "message.user = 1",
        "bytes": "note(b'x')",
        "ellipsis": "note(...)",
        "type comment": "def f(x):\n    # type: (int) -> open\n    yield x",
        "nested function": "def f():\n    def reserve(x):\n        return x\n    return reserve\nf()",
    },
)

LETTERS = _all(
    "look-alike and odd characters",
    _READ,
    UNPARSED,
    {
        "full-width eval": "note(ｅｖａｌ('open(path).read()'))",
        "full-width dunder": "note(message.__ｇlobals__['CANARY']['secret'])",
        "long underscore": "note(message.＿＿globals＿＿['CANARY'])",
        "mathematical open": "note(𝓸𝓹𝓮𝓷(path).read())",
        "Cyrillic tool": "def rеserve(x):\n    return x\nrеserve('Luna')",
        "ligature": "ﬁle = 1",
        "long s": "note(ſtr(1))",
        "combining letter": "re\u0301serve = 1",
        "name in an f-string": 'note(f"{ｏｐｅｎ(path).read()}")',
        "NUL": "x = 1\0\nimport os",
        "NUL in a text": "x = 'a\0b'",
        "carriage return": "x = 1  # nothing\rnote(open(path).read())",
        "form feed": "if users:\n\x0c    import os",
        "vertical tab": "x = 1\x0bimport os",
        "escape": "x = '\x1b[2J'",
        "half of a pair": "x = '\ud83d'",
        "no-break space": "x =\u00a01",
        "byte order mark inside": "x = 1\n\ufeffimport os",
        "line separator": "x = 1\u2028import os",
        "bidi around a name": "note('\u202e' + \u202ereserve)",
        "joiner in a name": "re\u200dserve('Luna')",
    },
)
HIDDEN = _all(
    "look-alike and odd characters",
    "hide a call from who reads the trace",
    RAN,
    {
        "bidi in a comment": "note('a')  # \u202e ('anuL')evreser \u2066",
        "line separator in a comment": "note('a')  # \u2028reserve('Luna')",
        "coding cookie": "# -*- coding: utf-7 -*-\nnote('a')  # +AAo-reserve('Luna')",
        "line end in a comment": "note('a')  # \\\n# reserve('Luna')\r\n",
    },
)

_DEEP = "an end of the host's parser"
PARSERS = _all(
    "texts that are hard to parse",
    _DEEP,
    UNPARSED,
    {
        "brackets": "[" * 19_000,
        "closed brackets": "x = " + "(" * 200 + ")" * 200,
        "mixed brackets": "x = " + "[{(" * 60,
        "a million brackets": "(" * 10**6,
        "minus": "x = " + "-" * 15_000 + "1",
        "not": "x = " + "not " * 4_000 + "1",
        "sum": "x = " + "1+" * 9_000 + "1",
        "comparison of comparisons": "x = " + "(1<" * 29 + "1" + ")" * 29 + "." * 90,
        "attributes": "x = y" + ".a" * 9_000,
        "subscripts": "x = y" + "[0]" * 6_000,
        "calls": "x = y" + "()" * 6_000,
        "else if": "if x: pass\n" + "elif x: pass\n" * 1_400,
        "indentation": "\n".join(" " * depth + "if x:" for depth in range(190)),
        "loops": "".join(" " * n + f"for a{n} in users:\n" for n in range(25)) + " " * 25 + "pass",
        "comprehension": "x = any(" + "a for a in b" + " for a in b" * 400 + ")",
        "f-string in f-string": "x = f'" + "{" * 9_000 + "'",
        "f-string formats": "x = f'{1:{1:{1:{1}}}}'",
        "open quotes": "'''" * 6_001 + "\\",
        "escaped quotes": "'" + r"\'" * 9_990,
        "huge integer": "x = " + "9" * 10_000,
        "huge hexadecimal": "x = 0x" + "f" * 3_000,
        "huge octal": "x = 0o" + "7" * 4_000,
        "huge exponent of text": "x = '\\N{" + "A" * 15_000 + "}'",
        "one long line": "x = '" + "a" * 10**6 + "'",
        "many lines": "\n" * 10**6,
        "long name": "a" * 20_001 + " = 1",
        "assignments": "a = " * 4_500 + "1 1",
        "decorators": "@a\n" * 6_000 + "def f(): pass",
        "unfinished": "def f(",
        "no program": "\N{PILE OF POO}" * 4_000,
    },
)
LONG = _all(
    "texts that are hard to parse",
    _DEEP,
    (RAN, RAISED, STOPPED),
    {
        "as many statements as fit": "x=1\n" * 4_900,
        "as many operators in place as fit": "x=[]\n" + "x+=x\n" * 3_900,
        "as many functions as fit": "".join(f"def f{n}():\n pass\n" for n in range(900)),
        "as many parameters as fit": "def f(" + ", ".join(f"a{n}" for n in range(2_800)) + "):\n    pass",
        "one long text": "note(len('" + "é" * 9_900 + "'))",
    },
)

BOMBS = _all(
    "memory bombs",
    "use up the host's memory",
    STOPPED,
    {
        "list times": "x = [0] * 10 ** 12",
        "list of lists times": "x = [[0] * 10 ** 4] * 10 ** 4\ny = [z.copy() for z in x]",
        "text times": "x = 'ab' * 10 ** 12",
        "tuple times": "x = (1, 2) * 10 ** 10",
        "times in place": "x = [1]\nx *= 10 ** 11",
        "power": "x = 9 ** 9 ** 9",
        "power of a power": "x = 2\nfor i in range(60):\n    x = x ** 2",
        "shift": "x = 1 << 10 ** 10",
        "product": "x = 3 ** 10 ** 5\nfor i in range(99):\n    x = x * x",
        "doubling": "x = 'a'\nfor i in range(99):\n    x = x + x",
        "doubling in place": "x = [1]\nfor i in range(99):\n    x += x",
        "replace": "x = 'a' * 10 ** 4\nx = x.replace('a', x).replace('a', x)",
        "join": "x = ('a' * 10 ** 5).join(['b'] * 10 ** 6)",
        "join of joins": "x = ['a'] * 999\nfor i in range(9):\n    x = [','.join(x)] * 999",
        "width": "x = f'{1:>9999999999}'",
        "width of a variable": "w = 10 ** 11\nx = f'{users[0]:>{w}}'",
        "precision": "x = f'{1.5:.999999999f}'",
        "per cent": "x = '%9999999999d' % 1",
        "range to list": "x = list(range(10 ** 12))",
        "nested comprehensions": "r = range(10 ** 4)\nx = [[[c for a in r] for b in r] for c in r]",
        "set": "x = {i for i in range(10 ** 12)}",
        "dict": "x = {i: [i] for i in range(10 ** 12)}",
        "dict of itself": "x = {}\nfor i in range(10 ** 9):\n    x = {'a': x, 'b': [x]}",
        "split": "x = ('a,' * 10 ** 6).split(',')\ny = [x.copy() for i in range(10 ** 6)]",
        "list that grows in its loop": "x = [1]\nfor i in x:\n    x.append([i] * 999)",
        "extend by itself": "x = [1]\nfor i in range(99):\n    x.extend(x)",
        "slice into itself": "x = [1]\nfor i in range(99):\n    x[:0] = x",
        "sum of lists": "x = sum([[0] * 10 ** 5] * 10 ** 5, [])",
        "zip": "x = list(zip(range(10 ** 12), range(10 ** 12)))",
        "sorted": "x = sorted(range(10 ** 9), key=str)",
        "text of a list": "x = [1] * 10 ** 5\nfor i in range(99):\n    x = [str(x)] * 9",
    },
    limits={"seconds": 0.1},
)

TIME = _all(
    "time bombs and floods",
    "keep the host busy without end",
    STOPPED,
    {
        "long loop": "for i in range(10 ** 12):\n    pass",
        "loops in loops": "r = range(10 ** 5)\nfor a in r:\n    for b in r:\n"
        "        for c in r:\n            pass",
        "long sum": "x = sum(range(10 ** 15))",
        "any": "x = any(i < 0 for i in range(10 ** 15))",
        "in a range": "x = [i for i in range(10 ** 12) if i < 0]",
        "min of a long range": "x = min(range(10 ** 12), key=abs)",
        "recursion": "def f(n):\n    return f(n + 1)\nf(0)",
        "recursion of two": "def f(n):\n    return g(n)\ndef g(n):\n    return [f(n)]\nf(0)",
        "recursion by map": "def f(n):\n    return list(map(f, [n]))\nf(0)",
        "recursion by key": "def f(n):\n    return sorted([n, n], key=f)\nf(0)",
        "tree of calls": "def f(n):\n    if n:\n        return f(n - 1) + f(n - 1)\n    return 1\nf(60)",
        "list that never ends": "x = [1]\nfor i in x:\n    x.append(i)\n    x.pop(0)\n    x.append(i)",
        "slow digits": "x = 7 ** 10 ** 5\nfor i in range(10 ** 6):\n    x = x * 7 // 3",
        "search in a text": "x = 'a' * 10 ** 6\nfor i in range(10 ** 6):\n    y = x.count('a' * 1000 + 'b')",
        "sort over and over": "x = list(range(10 ** 4))\nfor i in range(10 ** 6):\n"
        "    x.reverse()\n    x.sort()",
        "call flood": "for i in range(10 ** 9):\n    message('Ana')",
        "call flood by map": "x = list(map(message, ['Ana'] * 10 ** 5))",
        "call flood by recursion": "def f(n):\n    note(n)\n    if n < 40:\n        f(n + 1)\n"
        "        f(n + 1)\nf(0)",
        "flood of large arguments": "x = 'a' * 9000\nfor i in range(10 ** 6):\n    note(x)",
        "flood of large integers": "x = 2 ** 4000\nfor i in range(10 ** 6):\n    note([x] * 15)",
    },
    limits={"seconds": 0.1},
)

SHADOWS = _all(
    "shadowing and forging",
    "have the trace say what was not done",
    UNPARSED,
    {
        "builtin as a function": "def len(x):\n    return 0",
        "builtin as a variable": "sorted = reserve",
        "builtin as a parameter": "def f(list):\n    return list\nf(reserve)",
        "builtin as a loop's name": "for str in users:\n    pass",
        "builtin in a comprehension": "x = [any for any in users]",
        "helper by name": "__list__(message)",
        "helper as a function": "def __any__(run):\n    return True\nx = any(reserve(r) for r in options)",
        "helper as a parameter": "def f(__f):\n    return __f(1)",
        "helper as a keyword": "x = dict(__run=reserve)",
        "two functions of a name": "def f():\n    return 1\ndef f():\n    return reserve('Luna')",
    },
)
_MESSAGE = "message('Ana') -> ['Luna', 'Sol']"
FORGERIES = [
    Attempt(id=id, kind="shadowing and forging", aim=aim, source=source, ends=(ends,), trace=trace)
    for id, aim, source, ends, trace in (
        (
            "a tool as a function",
            "hide a call",
            "def note(x):\n    return message(x)\nnote('Ana')",
            RAN,
            (f"line 2, note: {_MESSAGE}",),
        ),
        (
            "a tool as a variable",
            "hide a call",
            "note = message\nx = note('Ana')",
            RAN,
            (f"line 2: {_MESSAGE}",),
        ),
        (
            "a tool as a parameter",
            "hide a call",
            "def f(note):\n    return note('Ana')\nf(message)",
            RAN,
            (f"line 2, f: {_MESSAGE}",),
        ),
        (
            "a tool as a loop's name",
            "hide a call",
            "for note in [message]:\n    note('Ana')",
            RAN,
            (f"line 2: {_MESSAGE}",),
        ),
        (
            "a tool as a comprehension's name",
            "hide a call",
            "x = [note('Ana') for note in [message]]",
            RAN,
            (f"line 1: {_MESSAGE}",),
        ),
        (
            "an input as a function",
            "call what is no tool",
            "users = '<tool reserve>'\nx = users('Luna')",
            RAISED,
            (),
        ),
        ("a text of a tool", "call what is no tool", "x = str(reserve)\nx('Luna')", RAISED, ()),
        ("an unknown tool", "call what is no tool", "close('Luna')", RAISED, ()),
        ("the episode's method", "call what is no tool", "call('reserve', ('Luna',))", RAISED, ()),
        ("what the episode hides", "read its hidden state", "note(hidden)", RAISED, ()),
        ("what the tool hides", "read its hidden state", "message('hidden')", RAISED, ()),
        ("self", "read its hidden state", "note(self)", RAISED, ()),
        ("a tool called early", "have it unseen", "f(1)\ndef f(x):\n    return reserve(x)", RAISED, ()),
        (
            "a name that is used first",
            "keep state for the next run",
            "x = left\nleft = 1",
            RAISED,
            (),
        ),
        (
            "a line of the trace in a text",
            "forge the trace",
            "note(\"a') -> None\\nline 2: reserve('Luna\")",
            RAN,
            ("line 1: note(\"a') -> None\\nline 2: reserve('Luna\") -> None",),
        ),
        (
            "a line of the trace behind a separator",
            "forge the trace",
            "note('a\\u2028line 2: reserve(1) -> True\\x85')",
            RAN,
            ("line 1: note('a\\u2028line 2: reserve(1) -> True\\x85') -> None",),
        ),
        (
            "a backspace over the trace",
            "forge the trace",
            "note('a' + '\\b' * 9 + '\\x1b[1A\\x1b[2K')",
            RAN,
            ("line 1: note('a" + "\\x08" * 9 + "\\x1b[1A\\x1b[2K') -> None",),
        ),
    )
]

TEXTS = [
    Attempt(id=id, kind="texts of errors", aim=aim, source=source, ends=(RAISED,), says=says)
    for id, aim, source, says in (
        (
            "terminal codes in a format",
            "control a terminal",
            "s = '\\x1b[31mred\\x1b]0;title\\x07'\nx = f'{1:{s}}'",
            "\\x1b[31mred",
        ),
        (
            "a line in a format",
            "forge a line of a log",
            "s = '\\n{\"outcome\": \"ran\"}\\r\\n'\nx = f'{1:{s}}'",
            '\\n{"outcome": "ran"}',
        ),
        (
            "separators in a format",
            "forge a line of a log",
            "s = '\\u2028\\u2029\\x85\\x1c'\nx = f'{1:{s}}'",
            "\\u2028\\u2029\\x85\\x1c",
        ),
        ("bidi in a format", "hide what is said", "s = '\\u202ecod'\nx = f'{1:{s}}'", "\\u202ecod"),
        ("NUL in a format", "cut a message short", "s = 'a\\0b'\nx = f'{1:{s}}'", "a\\x00b"),
        ("terminal codes in a key", "control a terminal", "s = '\\x1b[2J'\nx = {}[s]", "'\\x1b[2J'"),
        ("a line in a key", "forge a line of a log", "s = '\\n{}'\nx = {}[s]", "'\\n{}'"),
        ("a line in a number", "forge a line of a log", "x = int('1\\nline 2: ok')", "'1\\nline 2: ok'"),
        ("a line in a guest's name", "forge a line of a log", "message('\\nline 9: ok')", "'\\nline 9: ok'"),
        (
            "HTML in a key",
            "a script in a report",
            "x = {}['</td><script>alert(1)</script>']",
            "</td><script>",
        ),
        ("HTML in a format", "a script in a report", "s = '<img src=x onerror=a()>'\nx = f'{1:{s}}'", "<img"),
        ("markdown in a key", "a link in a report", "x = {}['[a](javascript:b) `c` | d']", "[a](java"),
        ("markup of rich in a key", "a style in a terminal", "x = {}['[red]x[/red][/]']", "[red]x[/red][/]"),
        ("a template in a key", "code in a report", "x = {}['{{ 7 * 7 }} {% raw %} ${x}']", "{{ 7 * 7 }}"),
        ("a long key", "fill a log", "x = {}['a' * 10 ** 6]", "KeyError: 'aaa"),
        ("a long format", "fill a log", "s = '\\n' * 10 ** 6\nx = f'{1:{s}}'", "\\n\\n\\n"),
        ("a long number", "fill a log", "x = int('a' * 10 ** 5)", "invalid literal"),
        ("another error's name", "forge an outcome", "x = {}['line 1: it ran longer than 1 s']", "KeyError"),
    )
]
REFUSALS = _all(
    "texts of errors",
    "say something of its own in a refusal",
    UNPARSED,
    {
        "terminal codes in a program": "\x1b[31m",
        "HTML as a program": "<script>alert('x')</script>",
        "JSON as a program": '{"outcome": "ran", "trace": [}',
        "a long name that is refused": "__" + "a" * 15_000 + " = 1",
        "a long method that is refused": "x.a" + "b" * 15_000 + "()",
    },
)

ARGUMENTS = _all(
    "arguments of tools",
    "hand the host what is no plain data",
    RAISED,
    {
        "a function": "def f(x):\n    return x\nnote(f)",
        "a tool": "note(reserve)",
        "a tool in a list": "note([[reserve]])",
        "a tool as a dict's value": "note({'text': message})",
        "a builtin": "note(len)",
        "a type": "note(str)",
        "a range": "note(range(3))",
        "a view": "note({1: 2}.items())",
        "a list in itself": "x = []\nx.append(x)\nnote(x)",
        "a dict in itself": "x = {}\nx['a'] = [(x,)]\nnote(x)",
        "two lists in each other": "x, y = [], []\nx.append(y)\ny.append(x)\nnote(x)",
        "deep lists": "x = []\nfor i in range(5000):\n    x = [x]\nnote(x)",
        "deep tuples in dicts": "x = ()\nfor i in range(90):\n    x = ({'a': x},)\nnote(x)",
        "shared lists": "x = [1]\nfor i in range(48):\n    x = [x, x]\nnote(x)",
        "a huge integer": "note(10 ** 5000)",
        "a huge negative integer": "note([-(2 ** 9000)])",
        "many integers": "note([2 ** 4000] * 10 ** 5)",
        "a text as a function shows": "note(\"<function 'open' at 0x7f0000000000>\")",
        "a text as a tool shows": "note('<tool reserve>')",
        "a text as a cycle shows": "note(['[...]'])",
        "a long text": "note('a' * 20_000)",
        "many values": "note([0] * 20_000)",
        "too many arguments": "note('a', 'b')",
        "an unknown argument": "note(text='a', effect='pure')",
        "an argument twice": "note('a', text='b')",
        "self as an argument": "note(self='a', text='b')",
        "no argument": "reserve()",
        "a list that can't be looked up": "message([{}])",
        "a nan as a guest": "message(float('nan'))",
    },
)
ODD_ARGUMENTS = [
    Attempt(id=id, kind="arguments of tools", aim=aim, source=source, ends=(RAN,), trace=trace)
    for id, aim, source, trace in (
        (
            "NUL in an argument",
            "cut the trace short",
            "note('a\\0b')",
            ("line 1: note('a\\x00b') -> None",),
        ),
        (
            "odd keys",
            "break what reads the trace",
            "note({None: 1, (1, 'a'): 2, frozenset([3]): 3, float('nan'): 4})",
            ("line 1: note({None: 1, (1, 'a'): 2, frozenset({3}): 3, nan: 4}) -> None",),
        ),
        (
            "infinities",
            "break what reads the trace",
            "note([float('inf'), -float('inf'), -0.0])",
            ("line 1: note([inf, -inf, -0.0]) -> None",),
        ),
        (
            "an argument that is changed later",
            "change the trace",
            "x = [1]\nnote(x)\nx.append(2)\nx[0] = 9",
            ("line 2: note([1]) -> None",),
        ),
        (
            "a result that is changed later",
            "change the trace and the episode",
            "x = message('Ana')\nx.clear()\nx.append('Mar')\nmessage('Ana')",
            (f"line 1: {_MESSAGE}", f"line 4: {_MESSAGE}"),
        ),
        (
            "inputs that are changed",
            "change the episode",
            "users.clear()\nusers.append('Zoe')\noptions[0] = 'x'\nnote(users)",
            ("line 4: note(['Zoe']) -> None",),
        ),
        (
            "an input that is given another value",
            "change the episode",
            "users = ['Zoe']\npath = 'x'\nnote(users)",
            ("line 3: note(['Zoe']) -> None",),
        ),
        (
            "an argument with the name of a file",
            "reach a file",
            "note(path)",
            None,
        ),
        (
            "a command as an argument",
            "reach a shell",
            "note('$(rm -rf x); `rm x` && \\n rm x')",
            ("line 1: note('$(rm -rf x); `rm x` && \\n rm x') -> None",),
        ),
    )
]

BY_PROGRAM = [
    *WALKS,
    *NAMES,
    *FORMS,
    *LETTERS,
    *HIDDEN,
    *PARSERS,
    *LONG,
    *BOMBS,
    *TIME,
    *SHADOWS,
    *FORGERIES,
    *TEXTS,
    *REFUSALS,
    *ARGUMENTS,
    *ODD_ARGUMENTS,
]

CONTROLS = {
    "subclasses",
    "globals of a tool",
    "builtins of a function",
    "getattr, pieces",
    "format",
    "f-string",
    "generator's frame",
    "generator expression's frame",
    "traceback",
    "open",
    "eval",
    "exec",
    "__import__",
    "import of the canary",
    "from import",
    "decorator",
    "walrus",
    "star arguments",
    "lambda",
    "with",
    "full-width eval",
    "full-width dunder",
    "mathematical open",
    "carriage return",
}
"""Attempts that do reach a canary where the host runs them by `exec`; harmless ones."""
