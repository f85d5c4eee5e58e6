"""The texts that programs are made of, by `fixture_shapes` and `fixture_edits`."""

from __future__ import annotations

import textwrap


def alternatives(text: str) -> list[str]:
    """The parts of a text with ` | ` or a new line between them."""
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]


def programs(text: str) -> list[str]:
    """Programs with an empty line between them."""
    return textwrap.dedent(text).strip().split("\n\n")


BLOWS = alternatives(
    """
    {v}.clear() | {v}.append(0) | {v}.append({x}) | {v}.pop() | {v}.pop(0) | {v}.remove({x})
    {v}.insert(0, {x}) | {v} *= 0 | {v} *= 1 | {v} -= 1 | {v} -= {x} | {v} += 1 | {v} += 0
    {v} += [{x}] | {v} += [] | {v} |= {{{x}}} | {v} -= {v} | {v} ^= 1 | {v} //= 2 | {v} %= 2 | {v} &= 1
    {v}[:] = [] | {v}[0] = {x} | {v}[-1] = False | {v}[{x}] = 0 | {v}['hit'] = {x} | {v}[0] -= 1
    {v}[0] += 1 | {v}['hit'] += 1 | {v} = None | {v} = False | {v} = True | {v} = 0 | {v} = ''
    {v} = [] | {v} = {x} | {v} = not {v} | {v} = {v} and {x} | {v} = {v} or {x} | {v} = {v}[1:]
    {v} = {v}[:1] | {v} = [{v}] | {v} = ({v}, {x}) | {v} = {v}[0] | {v} = len({v}) | {v} = sorted({v})
    {v} = list({v}) | {v} = str({v}) | {v} = int({v}) | {v} = bool({v}) | {v}, {x} = {x}, {v}
    ({v}, {x}) = (0, 1) | [{v}, other] = [{x}, 1] | {v} = {x} = None | {v} = [{v} for {v} in users]
    {v} = any({v} for {v} in users) | {v} = -{v} | {v} = {v} + 0 | {v} = {v} - {x} | {v} = max({v}, 0)
    {v} = min({v}, 0) | {v}.reverse() | {v}.sort() | {v}.extend([]) | {v}.update({{}})
    {v}.update({{'hit': 0}}) | {v}.discard({x}) | {v}.popitem() | {v}.setdefault('hit', 0)
    {v} = {v}.get('hit') | {v} = {v}.copy() | {v} = cancel({x}) | {v} = note({x}) | {v} = has({x})
    cancel({x}) | {v} = ask({x}) | {v} = {v} == {x} | {v} = {v} if has({x}) else None | {v}[:0] = [{x}]
    {v}[1:] = [] | {v} = {v}.strip() | {v} = {v}.replace('x', '') | if has({x}): {v} = None
    if {x}: {v} = not {v} | for {v} in [{x}]: pass | for {v} in users: pass
    for i, {v} in enumerate(users): pass | {v} = [{x} for {x} in {v}] | {v} = {v} is None
    {v} = sum([{v}, {x}]) | {v} = list(map(bool, {v})) | {v} = list(filter(None, {v}))
    {v} = reserve({x}) | reserve('Luna') | pay({x})
    other = {v};other.clear() | other = [{v}];other[0].clear() | other = {{'a': {v}}};other['a'].pop()
    other = ({v}, 0);other[0].clear() | other = {v};other *= 0 | other = {v};other[:] = []
    other = {v};other -= {v} | other = {v};other[0] = False | other = {v} or [];other.clear()
    other = [];other.append({v});other[0].clear() | for y in [{v}, {x}]: y.clear()
    for y, z in [({v}, 0)]: y.clear() | [y.clear() for y in [{v}]] | ({v} if users else {x}).clear()
    other, more = {v}, 0;other.clear() | other = more = {v};more.clear() | [{v}][0].clear()
    other = {v} if has('Luna') else [];other.clear() | other = max({v}, {v});other.clear()
    other = dict(a={v});other['a'].clear() | other = list(zip([{v}]));other[0][0].clear()
    other = {v};{v} = other.copy();{v}.clear() | other = [{v}][:];other[0].clear()
    other = sorted([{v}], key=len);other[0].clear() | other = {{}};other.setdefault(0, {v}).clear()
    {v}, {v} = {x}, 0 | {v}[0], {v} = 0, {x} | {v}, {v}[0] = [1], 0 | {v} = {v}, = [0]
    for {v} in []: pass | for {v} in {v}: pass | {v}.append({v} and 0) | {v} = [{v} for y in []]
    """
)
"""What may be done to a variable `{v}`, with another one `{x}`; `;` ends a line."""

WIPES = alternatives(
    """
    wipe({v}) | [wipe(y) for y in [{v}]] | list(map(wipe, [{v}])) | sorted([{v}], key=wipe)
    any(wipe(y) for y in [{v}]) | max([{v}], key=wipe) | list(filter(wipe, [{v}])) | {v} = wipe({v})
    for y in [{v}]: wipe(y) | other = wipe({v}) or {v} | other = [{v}];wipe(other[0])
    other = {v};wipe(other)
    if wipe({v}): pass | note(wipe({v})) | {v}, other = wipe({v}), 0 | other = {{'a': wipe({v})}}
    """
)
"""Calls of a function `wipe`, which does something to what it is given."""

TARGETS = alternatives(
    """
    {v}, other = {x}, 0 | [{v}, other] = [{x}, 0] | ({v}, (other, more)) = {x}, (0, 1)
    other, {v} = 0, {x} | {v} = other = {x} | other = {v} = {x}
    {v}, other = ({x}, 0) if has('Luna') else (None, 0) | other = [{x}]; {v} = other[0] | {v}, = [{x}]
    {v}, other = [{x}, 0][::-1] | other = {{0: {x}}}; {v} = other[0] | other = {x}; {v} = bool(other)
    other = [0]; other[0], {v} = 1, {x} | other = [0, 0]; other[:1], {v} = [1], {x}
    other = {{}}; other[str({x})], {v} = 1, 0 | other = {{}}; [other[str({x})], {v}] = 1, 2
    other = {{}}; other['a'], (other['b'], {v}) = 1, (2, {x}) | other = {{}}; other[str({x})] = {v} = 1
    other = [0]; other[bool({x}) - 1] = {v} = 1 | other = [[]]; other[0][:] = [{x}]; {v} = other[0]
    other = [1]; other[:bool({x})], {v} = [], 0 | {v} = {x}; {v} = {v} | {v} = [{x}, {x}][0]
    {v} = {{'a': {x}}}.get('a')
    """
)
"""Forms of `{v} = {x}`."""

WRAPS = alternatives(
    """
    bool({x}) | not {x} | not not {x} | {x} == True | {x} is True | {x} == False | {x} is not None
    {x} != 0 | {x} or None | {x} and True | [{x}] | [{x}][0] | ({x}, 0) | ({x}, 0)[0] | ({x}, 0)[-1]
    str({x}) | len({x}) | len([{x}]) | any([{x}]) | all([{x}]) | max({x}, 0) | min({x}, 1) | sum([{x}])
    int({x}) | int(bool({x})) | {x} + 0 | {x} - 1 | {x} * 1 | {x} % 2 | -{x} | {x} if {x} else None
    {x} if has('Luna') else False | None if {x} else 1 | has('Luna') and {x} | has('Luna') or {x}
    {x} in [{x}] | {x} in (None, False) | [y for y in [{x}]] | [y for y in [{x}] if y]
    {{'a': {x}}}['a'] | f'{{{x}}}' | list({x}) | list({x})[:1] | {x}[:1] | {x}[1:] | {x}[0] | range({x})
    tuple([{x}]) | set([{x}]) | sorted([{x}]) | {x} == {x} | 0 < {x} | {x} > 0 > -1 | None is {x}
    [] == {x} | {x} or {x} | {x} and {x} | any(y for y in [{x}]) | all(not y for y in [{x}])
    list(map(bool, [{x}])) | isinstance({x}, bool) | abs({x}) | dict(a={x}) | zip([{x}], users)
    list(enumerate([{x}]))[0][1] | list(reversed([{x}]))[0] | round({x}) | {x} if users else {x}
    """
)
"""What may come around an expression `{x}`."""

DIRECT = programs(
    """
    any({c} for r in options)

    any({c} for r in options if has(r))

    got = any({c} for r in options)
    if not got:
        {d}

    got = [r for r in options if has(r)]
    if not any({c} for r in got):
        {d}

    if not all(not {c} for r in options):
        note('done')

    got = {d} or {e} or {d}

    if {d} or {e}:
        note('done')
    else:
        {d}

    if {d}:
        note('a')
    elif {e}:
        note('b')
    else:
        {d}

    if not {d} and not {e}:
        {d}

    got = not {d} and {e}

    got = {d} if has('Luna') else {e}
    if not got:
        {d}

    got = [{c} for r in options[:1]]
    if not any(got):
        {d}

    for r in options[:1]:
        {c}

    for r in options:
        if {c}:
            break

    for r in options:
        if {c}:
            break
    else:
        {d}

    for r in options:
        got = {c}
        if got:
            break
    if not got:
        {d}

    for r in options:
        if not {c}:
            continue
        break

    for u in users:
        if any({c} for r in ask(u)):
            break

    for u in users:
        for r in ask(u):
            if {c}:
                break
        else:
            continue
        break

    for r in options:
        {c}
        break

    def first_of(xs):
        for r in xs:
            if {c}:
                return r
        return None
    if not first_of(options):
        first_of(users)

    def first_of(xs):
        for r in xs:
            got = {c}
            if got:
                return True
        return False
    first_of(options) or first_of(users) or {d}

    def again(i):
        if i < 3 and not {c0}:
            again(i + 1)
    again(0)

    def again(xs):
        if not xs:
            return False
        return {cx} or again(xs[1:])
    again(options)

    def attempt(r):
        if {c}:
            return 'yes'
        return ''
    for r in options:
        if attempt(r) == 'yes':
            break

    def attempt(r):
        return {c}
    for r in options:
        if attempt(r):
            break

    def attempt(r, left):
        if left > 0 and {c}:
            return 0
        return left
    left = 1
    for r in options:
        left = attempt(r, left)

    got = [False]
    for r in options:
        got.append(not any(got) and {c})

    got = []
    for r in options:
        if not got and {c}:
            got.append(r)

    got = None
    for r in options:
        if got is None and {c}:
            got = r

    open_to = [r for r in options if has(r)]
    if len(open_to) > 0:
        {d}

    prefs = {{u: ask(u) for u in users}}
    for r in options:
        if all(r in prefs[u] for u in users) and {c}:
            break

    best = sorted(options, key=len)[:2]
    if not {d}:
        for r in best[:1]:
            {c}

    queue = list(options)
    for i in range(3):
        if queue and {q}:
            queue = []

    queue = list(options)
    for i in range(3):
        if not queue:
            break
        r = queue.pop(0)
        if {c}:
            queue.clear()
    """
)
"""Whole programs, whose success is remembered in the flow alone or in ways of their own."""

FORMS = programs(
    """
    def attempt(r):
        return {c}

    def attempt(r):
        return bool({c})

    def attempt(r):
        if {c}:
            return True
        return False

    def attempt(r):
        got = {c}
        note(r)
        return got

    def attempt(r):
        return has(r) and {c}

    def attempt(r):
        if has(r):
            return {c}
        return None

    def attempt(r):
        if not {c}:
            return 0
        note(r)
        return r

    def attempt(r):
        got = {c}
        return got or None
    """
)
"""Functions that an attempt may go through."""
