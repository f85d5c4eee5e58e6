"""The blocks that are open where a program is being written, and how they may be closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from partwise.composition.acceptor.lines import opens_block


@dataclass(frozen=True, slots=True)
class Block:
    """A block that statements may still be added to."""

    indent: str
    """Blanks before its statements; of a fresh one, before its head."""
    fresh: bool = False
    """Whether it has no statement yet."""
    loop: bool = False
    """Whether `break` may stand in it."""
    function: bool = False
    """Whether `return` may."""


_DEEPER = " " * 4
Blocks = tuple[Block, ...]
"""From the module's own inwards."""
TOP: Blocks = (Block(""),)


def enter(blocks: Blocks, indent: str) -> Blocks | None:
    """The blocks that a statement with so many blanks before it leaves open; None where it can't stand."""
    inner = blocks[-1]
    if inner.fresh:
        deeper = indent.startswith(inner.indent) and len(indent) > len(inner.indent)
        return (*blocks[:-1], replace(inner, indent=indent, fresh=False)) if deeper else None
    kept = [block for block in blocks if len(block.indent) <= len(indent)]
    return tuple(kept) if kept and kept[-1].indent == indent else None


def may_begin(blocks: Blocks, blanks: str) -> bool:
    """Whether a statement that stands somewhere may begin with blanks."""
    inner = blocks[-1]
    fresh = inner.fresh and blanks.startswith(inner.indent)
    return fresh or any(block.indent.startswith(blanks) for block in blocks)


def after(blocks: Blocks, statement: str) -> Blocks:
    """The blocks that are open after a whole line in the innermost one."""
    head = opens_block(statement)
    if not head:
        return blocks
    inner = blocks[-1]
    defines = head == "def"
    loop = not defines and (head == "for" or inner.loop)
    return (*blocks, Block(inner.indent, fresh=True, loop=loop, function=defines or inner.function))


def ends(blocks: Blocks, filler: str, *, leave: bool) -> str:
    """Lines that close all blocks.

    Args:
        blocks: that are open.
        filler: the statement for a block that has none.
        leave: whether each block is left at once, so that nothing in it comes round again.
    """
    lines: list[str] = []
    for block in reversed(blocks):
        way_out = "break" if block.loop else "return" if block.function else ""
        statement = way_out if leave and way_out else filler if block.fresh else ""
        if statement:
            lines.append(block.indent + _DEEPER * block.fresh + statement)
    return "\n".join(lines)


def all_ends(blocks: Blocks, filler: str, *, leave: bool) -> Sequence[str]:
    """The ways to close all blocks that are worth trying, the shortest first; of `leave` only those."""
    ways = (True,) if leave else (False, True)
    return tuple(dict.fromkeys(ends(blocks, filler, leave=way) for way in ways))
