"""The ways in which the programs of `fixture_writer` remember that something has succeeded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tracker:
    """How success is remembered, in `{v}`; `{c}` is an attempt at `{r}`."""

    name: str
    start: str
    """Ways to begin, with ` | ` or a line's end between them; `;` ends a line of the program, `>` indents."""
    attempt: str
    none: str
    """Expressions that are true only where nothing has succeeded."""
    done: str
    """Expressions that are true wherever something has."""
    in_place: bool = False
    """Success changes the object instead of the name, so that helpers and aliases see it."""


TRACKERS = (
    Tracker(
        "result",
        "{v} = False | {v} = None | {v} = 0 | {v} = '' | {v} = [] | {v} = {w} = None",
        """
        {v} = {c} | {v} = {c} | {v} = bool({c}) | {v} = {c} or False | {v} = {c} or None
        {v} = not not {c} | {v}, {w} = {c}, {r} | [{w}, {v}] = [{r}, {c}]
        ({w}, ({v}, other)) = {r}, ({c}, 1) | {v} = {w} = {c} | {v} = {c} if has({r}) else {v}
        {v} = has({r}) and {c} | {v} = True if {c} else False | {w} = {c};{v} = {w}
        {w} = ({c}, {r});{v} = {w}[0] | {w} = [{c}];{v} = {w}[0] | {w} = {c};note({r});{v} = {w}
        """,
        """
        not {v} | not {v} | not bool({v}) | {v} in (None, False, 0) | False == {v} | {v} == None
        {v} is None | {v} == ''
        """,
        """
        {v} | {v} | bool({v}) | not not {v} | {v} and True | (not {v}) == False | {v} or False
        True if {v} else False
        """,
    ),
    Tracker(
        "failed",
        "{v} = True | {v} = 1",
        """
        {v} = not {c} | {v} = False if {c} else True | if {c}:;> {v} = False | if {c}:;> {v} = 0
        {v} = not bool({c})
        """,
        "{v} | {v} == True | not not {v} | {v} != False | True == {v}",
        "not {v} | {v} == False | False == {v} | not bool({v})",
    ),
    Tracker(
        "flag",
        "{v} = False | {v} = 0 | {v} = '' | {v} = []",
        """
        if {c}:;> {v} = True | if {c}:;> {v} = {r} | if {c}:;> {v} = 'yes' | if {c}:;> {v} = [{r}]
        if {c}:;> {v}, {w} = {r}, 1 | {w} = {c};if {w}:;> {v} = True
        if not {c}:;> note({r});else:;> {v} = {r} | {w} = not {c};if not {w}:;> {v} = 1
        {v} = {r} if {c} else {v} | if {c}:;> {v} = ({r}, 1)
        """,
        "not {v} | not {v} | bool({v}) == False | not bool({v})",
        "{v} | {v} | not not {v} | bool({v})",
    ),
    Tracker(
        "none",
        "{v} = None | {v} = {w} = None | {v}, {w} = None, 0",
        """
        if {c}:;> {v} = True | if {c}:;> {v} = {r} | if {c}:;> {v} = 0 | if {c}:;> {v} = [{r}, 0]
        if {c}:;> {v} = f"at {{{r}}}" | {v} = {r} if {c} else {v} | if has({r}) and {c}:;> {v} = {r}
        """,
        """
        {v} is None | {v} is None | {v} == None | not {v} is not None | None is {v} | {v} in [None]
        """,
        """
        {v} is not None | {v} is not None | {v} != None | not {v} is None | None is not {v}
        {v} not in [None]
        """,
    ),
    Tracker(
        "status",
        "{v} = 'open' | {v} = {w} = 'open'",
        """
        if {c}:;> {v} = 'done' | {v} = 'done' if {c} else 'open' | {w} = {c};if {w}:;> {v} = 'done'
        if {c}:;> {v}, {w} = 'done', {r} | if not {c}:;> {v} = 'open';else:;> {v} = 'done'
        """,
        """
        {v} == 'open' | 'open' == {v} | {v} != 'done' | {v} in ('open', 'new') | not {v} == 'done'
        """,
        "{v} == 'done' | {v} != 'open' | 'done' == {v} | {v} in ['done'] | not {v} == 'open'",
    ),
    Tracker(
        "count",
        "{v} = 0",
        """
        if {c}:;> {v} += 1 | if {c}:;> {v} = {v} + 1 | {v} += 1 if {c} else 0 | {v} = {v} + bool({c})
        {v} += bool({c}) | if {c}:;> {v} = 1 | if {c}:;> {v} += 2 | {v} = 1 if {c} else {v}
        {v} = max({v}, bool({c})) | {v} += not not {c}
        """,
        "{v} == 0 | {v} < 1 | not {v} | {v} <= 0 | 0 == {v} | -1 < {v} < 1 | 1 > {v}",
        "{v} > 0 | {v} >= 1 | {v} != 0 | {v} | 0 < {v} | 0 < {v} < 9 | not {v} == 0",
    ),
    Tracker(
        "left",
        "{v} = 1",
        """
        if {c}:;> {v} -= 1 | if {c}:;> {v} = 0 | {v} -= bool({c}) | {v} = {v} - 1 if {c} else {v}
        if {c}:;> {v} *= 0 | {v} = 0 if {c} else 1 | {v} -= 1 if {c} else 0
        """,
        "{v} == 1 | {v} > 0 | {v} | {v} >= 1 | 1 == {v} | 0 < {v} | {v} != 0",
        "{v} == 0 | {v} < 1 | not {v} | {v} <= 0 | 0 == {v} | {v} != 1 | 0 >= {v}",
    ),
    Tracker(
        "list",
        "{v} = [] | {v} = list() | {v}, {w} = [], 0",
        """
        if {c}:;> {v}.append({r}) | if {c}:;> {v}.append({r}) | if {c}:;> {v} += [{r}]
        if {c}:;> {v}.insert(0, {r}) | if {c}:;> {v}.extend([{r}, 0]) | if {c}:;> {v}[:] = [{r}]
        {w} = {c};if {w}:;> {v}.append({w}) | if {c}:;> {w} = {v};> {w}.append(0)
        if not {c}:;> note({r});else:;> {v}.append(None)
        """,
        """
        not {v} | not {v} | len({v}) == 0 | len({v}) < 1 | {v} == [] | not len({v}) | [] == {v}
        0 == len({v})
        """,
        """
        {v} | {v} | len({v}) > 0 | len({v}) >= 1 | {v} != [] | bool({v}) | len({v}) != 0
        len({v}) == 1 or len({v}) == 2
        """,
        in_place=True,
    ),
    Tracker(
        "new list",
        "{v} = []",
        """
        if {c}:;> {v} = {v} + [{r}] | if {c}:;> {v} = [{r}] | {v} = [{r}] if {c} else []
        if {c}:;> {v} = [0] * 2 | {v} = [x for x in [{r}] if {c}] | {v} = {v} + ([{r}] if {c} else [])
        """,
        "not {v} | len({v}) == 0 | {v} == [] | len({v}) < 1",
        "{v} | len({v}) > 0 | {v} != [] | len({v}) >= 1",
    ),
    Tracker(
        "results",
        "{v} = []",
        """
        {v}.append({c}) | {v}.append({c}) | {v}.append(bool({c})) | {v} += [{c}]
        {v}.extend([{c}, None]) | {w} = {c};{v}.append({w}) | {v}.insert(0, {c})
        """,
        """
        not any({v}) | not any({v}) | any({v}) == False | all(not x for x in {v})
        sum(1 for x in {v} if x) == 0 | [x for x in {v} if x] == [] | not [x for x in {v} if x]
        not any([bool(x) for x in {v}])
        """,
        """
        any({v}) | any({v}) | not all(not x for x in {v}) | len([x for x in {v} if x]) > 0
        any(bool(x) for x in {v})
        """,
        in_place=True,
    ),
    Tracker(
        "set",
        "{v} = set()",
        """
        if {c}:;> {v}.add({r}) | if {c}:;> {v} |= {{{r}}} | if {c}:;> {v}.update([{r}])
        if {c}:;> {v}.add(0)
        """,
        "not {v} | len({v}) == 0 | {v} == set() | not len({v})",
        "{v} | len({v}) > 0 | {v} != set() | len({v}) >= 1",
        in_place=True,
    ),
    Tracker(
        "dict",
        "{v} = {{}} | {v} = dict()",
        """
        if {c}:;> {v}[{r}] = True | if {c}:;> {v}['at'] = {r} | if {c}:;> {v}.update({{'at': 0}})
        if {c}:;> {v}.setdefault({r}, []) | if {c}:;> {v}['at'], {w} = {r}, 1
        """,
        "not {v} | len({v}) == 0 | {v} == {{}} | not {v}.keys() | 'at' not in {v} and not {v}",
        "{v} | len({v}) > 0 | {v} != {{}} | len({v}.keys()) > 0 | bool({v})",
        in_place=True,
    ),
    Tracker(
        "entry",
        "{v} = {{'hit': False}} | {v} = {{'hit': None, 'n': 0}} | {v} = {{}};{v}['hit'] = 0",
        """
        {v}['hit'] = {c} | {v}['hit'] = bool({c}) | if {c}:;> {v}['hit'] = True
        {v}['hit'], {w} = {c}, {r} | [{w}, {v}['hit']] = {r}, {c} | if {c}:;> {v}['hit'] = {r}
        {v}.update({{'hit': {c}}}) | ({w}, ({v}['hit'], other)) = 0, ({c}, 1)
        """,
        """
        not {v}['hit'] | not {v}['hit'] | not {v}.get('hit') | {v}['hit'] == False
        not bool({v}['hit'])
        """,
        """
        {v}['hit'] | {v}.get('hit') | not not {v}['hit'] | {v}['hit'] or False | {v}.get('hit', False)
        """,
        in_place=True,
    ),
    Tracker(
        "entries",
        "{v} = {{}}",
        """
        {v}[{r}] = {c} | {v}[{r}] = bool({c}) | {v}[{r}], {w} = {c}, 1 | {v}.update({{{r}: {c}}})
        """,
        """
        not any({v}.values()) | any({v}.values()) == False | all(not x for x in {v}.values())
        not [k for k in {v} if {v}[k]]
        """,
        """
        any({v}.values()) | [k for k in {v} if {v}[k]] | len([1 for k, x in {v}.items() if x]) > 0
        """,
        in_place=True,
    ),
    Tracker(
        "cell",
        "{v} = [False] | {v} = [None, 0] | {v} = [0] * 2",
        """
        {v}[0] = {c} | {v}[0] = bool({c}) | if {c}:;> {v}[0] = 1 | {v}[0], {w} = {c}, {r}
        {v}[:1] = [{c}] | {v}[:] = [{c}] | ({w}, {v}[0]) = {r}, {c} | if {c}:;> {v}[0] = {r}
        [{v}[0]] = [{c}]
        """,
        "not {v}[0] | not {v}[0] | {v}[0] == False | not bool({v}[0]) | {v}[0] in (0, None)",
        "{v}[0] | not not {v}[0] | bool({v}[0]) | {v}[0] or False",
        in_place=True,
    ),
    Tracker(
        "tuple",
        "{v} = (False, '') | {v} = None, 0 | {v} = 0, 0",
        """
        {v} = ({c}, {r}) | {v} = bool({c}), {r} | if {c}:;> {v} = (True, {r}) | {w} = {c};{v} = {w}, {w}
        {v} = (1, {r}) if {c} else (0, '')
        """,
        "not {v}[0] | {v}[0] == False | not bool({v}[0])",
        "{v}[0] | not not {v}[0] | {v}[:1][0]",
    ),
    Tracker(
        "text",
        "{v} = '' | {v} = str()",
        """
        if {c}:;> {v} += 'x' | if {c}:;> {v} = {r} | if {c}:;> {v} = f"at {{{r}}}"
        if {c}:;> {v} = {v} + 'x' | {v} = 'x' if {c} else '' | if {c}:;> {v} = str(1)
        """,
        "{v} == '' | not {v} | len({v}) == 0 | '' == {v} | len({v}) < 1",
        "{v} | {v} != '' | len({v}) > 0 | bool({v})",
    ),
    Tracker(
        "todo",
        "{v} = list(options) | {v} = options[:2] | {v} = [1] | {v} = [r for r in options]",
        """
        if {c}:;> {v}.clear() | if {c}:;> {v} *= 0 | if {c}:;> {v}[:] = [] | {v} = [] if {c} else {v}
        if {c}:;> {v} = []
        """,
        "{v} | len({v}) > 0 | {v} != [] | bool({v})",
        "not {v} | len({v}) == 0 | {v} == [] | len({v}) < 1",
    ),
    Tracker(
        "once",
        "{v} = None | {v} = False | {v} = 0",
        """
        {v} = {v} or {c} | {v} = {v} or bool({c}) | {v} = {v} if {v} else {c} | if not {v}:;> {v} = {c}
        {v} = {c} if not {v} else {v} | {v} = bool({v}) or {c} | {v} = any([{v}]) or {c}
        {v} = {v} or (has({r}) and {c})
        """,
        "not {v}",
        "{v}",
    ),
    Tracker(
        "member",
        "{v} = set() | {v} = [] | {v} = ['open'] | {v} = {{'open'}}",
        """
        if {c}:;> {v} = ['done'] | if {c}:;> {v} = list({v}) + ['done'] | {v} = ['done'] if {c} else ['open']
        {v} = list({v}) + ['done'] if {c} else {v} | if {c}:;> {v} = {{'done', {r}}}
        if {c}:;> {v} = {{'done': {r}}} | if {c}:;> {v} = ('open', 'done')
        """,
        "'done' not in {v} | not 'done' in {v} | not ('done' in {v}) | ('done' in {v}) == False",
        "'done' in {v} | not 'done' not in {v} | bool('done' in {v})",
    ),
    Tracker(
        "numbers",
        "{v} = [] | {v} = [0] | {v} = [0, 0]",
        """
        {v}.append(1 if {c} else 0) | {v}.append(int(bool({c}))) | {v} += [1 if {c} else 0]
        if {c}:;> {v}.append(1) | {w} = bool({c});{v}.append({w} * 1) | {v}.insert(0, 1 if {c} else 0)
        {v}.extend([0, 1 if {c} else 0]) | if {c}:;> {v}[:] = [1]
        """,
        "sum({v}) == 0 | 1 not in {v} | not any({v}) | max([0] + {v}) == 0 | {v}.count(1) == 0",
        "sum({v}) > 0 | 1 in {v} | any({v}) | max([0] + {v}) == 1 | {v}.count(1) > 0 | sum({v}) != 0",
        in_place=True,
    ),
    Tracker(
        "last",
        "{v} = [False] | {v} = ['', None] | {v} = [0]",
        """
        {v}.append({c}) | {v} += [{c}] | {v}.append(bool({c})) | {v}[-1] = {c} | {v}[-1:] = [{c}]
        {v}.extend([0, {c}]) | {v}[len({v}) - 1] = {c}
        """,
        "not {v}[-1] | not bool({v}[-1]) | {v}[-1] in (None, False) | not any({v}[-1:])",
        "{v}[-1] | not not {v}[-1] | any({v}[-1:]) | bool({v}[-1])",
        in_place=True,
    ),
)
