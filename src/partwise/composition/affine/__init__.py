"""The `affine` space: what can't be undone happens at most once, unless the attempt before is known to fail.

An abstract interpretation. At each point of a program it keeps a few *states*, the cases that may hold there:
whether something irreversible has succeeded (`done`), and for each of the two what is then known of every
variable. An irreversible call in a state that is not done goes on in two states: done, with a truthy result;
and not done, with a falsy one, because a falsy result means that nothing happened (`Effect.IRREVERSIBLE`).
Such a call in a state that is done is a repeat, and the program is rejected.

So whatever a program uses to remember a success is followed alike, be it a result, a flag, a counter, a
word or a list: in the states that are done it has one value, in the others another, and a test of it leaves
only the states in which the test may come out so. `values.py` says what can be known of a value, `state.py`
what becomes of it when collections change that several variables hold, the others what each construct does:
`expressions.py` with `subscripts.py`, `calls.py` and `outcomes.py`, and `follow.py` for statements and
functions.

Sound first: each step says of a value at least all that Python could make of it. What can't be followed is
rejected (recursion of what attempts something, such functions as values, names with two meanings) or
forgotten. Nothing runs later than where it stands: the language has generators only where they are used up
at once.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from partwise.composition.affine.follow import Follower
from partwise.composition.affine.module import Found, Module
from partwise.composition.rejection import Rejection
from partwise.types import Tool


def find_repeat(module: ast.Module, tools: Mapping[str, Tool]) -> Rejection | None:
    """The first place where a program may repeat something irreversible; None where it provably can't.

    Args:
        module: from `language.parse`.
        tools: the world's tools by name. A name that the module defines itself is no tool.
    """
    program = Module(module, tools)
    if not program.attempting:
        return None
    try:
        program.check_names()
        Follower(program).follow()
    except Found as found:
        return found.rejection
    except RecursionError:  # Hundreds of functions, each calling the next.
        return Rejection(program.composition[0].lineno, "the program's calls nest too deeply to follow")
    return None
