"""What language models answered, kept on disk: nothing is asked twice, and a run that is killed loses none.

Inspect has a cache as well. It keeps no refusals, drops what is a week old, and writes a file in place, so
that a process that is killed leaves half of one; and a run that is resumed must read what it read before.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from partwise.models.chat_model import Asked, Chat, ChatModel, End, Reply, Style
from partwise.models.errors import ModelError

FILE = "replies.db"
"""Within the cache folder."""
_TABLE = "CREATE TABLE IF NOT EXISTS said (key TEXT PRIMARY KEY, model TEXT, said TEXT) WITHOUT ROWID"
_AT_ONCE = 500
"""Keys in a query; SQLite takes some more."""
_PATIENCE = 60.0
"""Seconds to wait while another process writes."""


class ReplyStore:
    """Answers by the digest of what was asked. Processes and threads may share the file.

    What is put is on its way to the disk before `put` returns, whole or not at all: it outlives the process.
    The first answer to a question stays, so that all who asked it go on from the same.
    """

    def __init__(self, path: Path) -> None:
        """Args:
        path: of the file, made where missing.

        Raises:
            ModelError: it is no such file.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.Lock()
        try:
            self._database = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            raise ModelError(f"the answers kept in {path} can't be read ({error}): move it away") from error

    def get(self, keys: Iterable[str]) -> dict[str, Any]:
        """What is there of these, by key."""
        wanted, found = list(keys), dict[str, Any]()
        with self._lock:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._database.execute(f"SELECT key, said FROM said WHERE key IN ({marks})", some)
                found |= {key: json.loads(said) for key, said in rows}
        return found

    def put(self, key: str, model: str, said: Any) -> None:
        """Keep plain data under a key, unless there is some."""
        with self._lock:
            self._database.execute(
                "INSERT OR IGNORE INTO said VALUES (?, ?, ?)", (key, model, json.dumps(said))
            )

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


class Replies:
    """A model whose answers are kept: it is asked for those alone that are not there."""

    def __init__(self, model: ChatModel, store: ReplyStore) -> None:
        self.model, self._store = model, store

    def answer(self, chats: Sequence[Chat], n: int, style: Style) -> list[list[Reply]]:
        """`n` answers to each conversation, in order; with equal arguments always the same.

        Raises:
            Unanswered: the model can't go on for now; what it has answered is kept.
            ModelError: it can't be asked at all.
        """
        identity = self.model.identity
        wanted = [Asked(chat, style, index) for chat in chats for index in range(n)]
        keys = {asked: asked.key(identity) for asked in wanted}
        there = self._store.get(set(keys.values()))
        # At temperature 0 all answers to one conversation are one.
        missing = {key: asked for asked, key in keys.items() if key not in there}
        if missing:
            there |= self._ask(missing)
        return [[_reply(there[keys[Asked(chat, style, i)]]) for i in range(n)] for chat in chats]

    def _ask(self, missing: Mapping[str, Asked]) -> dict[str, Any]:
        """By key what the model answers, or whoever was faster; what failed is asked again another time."""
        name, failed = self.model.identity["model"], dict[str, Any]()
        keys = {asked: key for key, asked in missing.items()}

        def heard(asked: Asked, reply: Reply) -> None:
            if reply.end is End.FAILED:
                failed[keys[asked]] = asdict(reply)
            else:
                self._store.put(keys[asked], name, asdict(reply))

        self.model.answer(list(missing.values()), heard)
        return failed | self._store.get(missing)

    def lean(self, chats: Sequence[Chat], words: tuple[str, str]) -> list[float | None] | None:
        """See `ChatModel.lean`."""
        identity = self.model.identity
        style = Style(temperature=0.0, longest=1)
        keys = {chat: Asked(chat, style).key({**identity, "words": " ".join(words)}) for chat in chats}
        there = self._store.get(set(keys.values()))
        missing = [chat for chat, key in keys.items() if key not in there]
        found = self.model.lean(missing, words) if missing else []
        if found is None:
            return None
        for chat, leaning in zip(missing, found, strict=True):
            self._store.put(keys[chat], identity["model"], leaning)
        there |= self._store.get(keys[chat] for chat in missing)
        return [there[keys[chat]] for chat in chats]


def _reply(said: Mapping[str, Any]) -> Reply:
    return replace(Reply(**said), end=End(said["end"]))
