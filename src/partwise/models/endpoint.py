"""Any provider's model, through Inspect's model layer (the extra `inspect`), asked within bounds."""

from __future__ import annotations

import asyncio
import importlib.util
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from partwise.models.budget import Budget, Tokens
from partwise.models.chat_model import Asked, Chat, End, Reply
from partwise.models.errors import ModelError, Unanswered

PROVIDERS = frozenset(
    [
        *("anthropic", "azureai", "bedrock", "cloudflare", "deepseek", "fireworks", "google", "grok", "groq"),
        *("hf-inference-providers", "litellm-proxy", "llama-cpp-python", "meta", "mistral", "moonshot"),
        *("ollama", "openai", "openai-api"),
        *("openrouter", "perplexity", "sagemaker", "sambanova", "sglang", "together", "vllm"),
    ]
)
"""What a provider's names begin with, before the first slash."""
FORCED = "inspect:"
"""Before a name of any other provider that Inspect knows."""
HUB = "hub:"
"""Before a name that is on the hub and looks like a provider's, as `hub:google/gemma-3-1b-it`."""
INSTALL = "pip install 'partwise[inspect]'"
_T = TypeVar("_T")
_SEEDS = 2**31
_HEADING = 64
"""Tokens that a provider may put around a conversation, at most."""
_LONGEST_PAUSE = 60.0
"""Seconds between two attempts, unless the server asks for more."""
_UNLIMITED = 100_000
"""Connections that Inspect may hold: how many are asked side by side is decided here."""
_PASSING = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which it is tried again."""
_REFUSED_REQUEST = frozenset({400, 413, 422})
"""Statuses that say that this conversation can't be answered; all others below 500 are about every one."""


def is_provider(name: str) -> bool:
    """Whether a name is a provider's, and not of a model that runs here."""
    return name.startswith(FORCED) or ("/" in name and name.split("/")[0] in PROVIDERS)


class Endpoint:
    """Asks as many side by side as it may, and what fails in passing again for as long as patience lasts."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        concurrency: int = 16,
        timeout: float = 120.0,
        patience: float = 10.0,
        budget: Budget | None = None,
        pause: float = 1.0,
    ) -> None:
        """Args:
        name: as Inspect has it, `openai/...`; keys are read from the environment, as the provider names them.
        base_url: of the server; None for the provider's own, or what its environment variable says.
        concurrency: requests at a time.
        timeout: seconds that one attempt may take.
        patience: minutes that one answer is tried for.
        budget: what all may cost; None for no cap.
        pause: seconds before the second attempt; it doubles with each further one.

        Raises:
            ModelError: the extra is not installed, the provider is not known or wants a package or a key.
        """
        self._name, self._concurrency, self._timeout = name, concurrency, timeout
        self._patience, self._pause = 60 * patience, pause
        self.budget = budget or Budget()
        self.troubles: Counter[str] = Counter()
        """Attempts that brought no answer, by what went wrong."""
        self._model = _open(name.removeprefix(FORCED), base_url, timeout)
        self._random = random.Random()  # of pauses alone, which decide no answer
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=f"asks {name}", daemon=True).start()

    @property
    def identity(self) -> Mapping[str, str]:
        """See `ChatModel`. What model a server has behind the address, nobody can tell from here."""
        return {"model": self._name, "base_url": str(self._model.api.base_url or "")}

    def lean(self, chats: Sequence[Chat], words: tuple[str, str]) -> None:
        """None: few providers tell probabilities, and each of other tokens."""

    def answer(self, asked: Sequence[Asked], heard: Callable[[Asked, Reply], None]) -> None:
        """See `ChatModel`.

        Raises:
            OverBudget: the next answer could pass a cap.
            Unanswered: patience is over.
            ModelError: the provider refuses the key, or has no such model; or it refused every conversation.
        """
        self._run(_Round(self, asked, heard).go())

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Wait for work on the thread that all requests are made on, and let it go if we are interrupted."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def attempt(self, asked: Asked) -> Reply:
        """One request.

        Raises:
            _Passing: it may be tried again.
            _Hopeless: this conversation can't be answered.
            ModelError: none can.
        """
        try:
            async with asyncio.timeout(self._timeout):
                output = await self._model.generate(_messages(asked.chat), config=_settings(asked))
            return _reply(output)
        except TimeoutError:
            raise _Passing("timeout", f"no answer within {self._timeout:g} s", billed=True) from None
        except Exception as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> Exception:
        """What an error of the provider's means."""
        last = getattr(error, "last_attempt", None)  # Inspect tries once, and says so by tenacity's error
        if last is not None:
            error = last.exception() or error
        status, said = _status(error), _said(error)[:300]
        if status is None:
            decision = self._model.api.should_retry(error)
            # What is no answer at all comes up as whatever error the client's parser happened to run into.
            return _Passing(
                "no connection" if "onnection" in type(error).__name__ else "malformed",
                said,
                _after(decision),
            )
        if status >= 500 or status in _PASSING:
            kind = "rate limit" if status == 429 else "server error"
            return _Passing(kind, said, _after(self._model.api.should_retry(error)))
        if status in _REFUSED_REQUEST:
            return _Hopeless(said)
        return ModelError(f"'{self._name}' can't be asked: {said.rstrip('.')}")

    def most(self, asked: Asked) -> Tokens:
        """What one request may take: no tokenizer makes more than a token of a byte."""
        letters = sum(len(turn.encode()) + _HEADING for turn in asked.chat)
        return Tokens(letters, asked.style.longest)

    def pause(self, attempts: int, after: float | None) -> float:
        """Seconds to wait after so many attempts: what the server asks for, or twice as long each time."""
        if after is not None:
            return after
        return min(_LONGEST_PAUSE, self._pause * 2 ** (attempts - 1)) * self._random.uniform(0.5, 1.0)

    @property
    def concurrency(self) -> int:
        """Requests at a time."""
        return self._concurrency

    @property
    def patience(self) -> float:
        """Seconds that one answer is tried for."""
        return self._patience

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name


class _Passing(Exception):
    """An attempt that brought no answer and may be made again."""

    def __init__(self, kind: str, said: str, after: float | None = None, *, billed: bool = False) -> None:
        super().__init__(said)
        self.kind, self.after, self.billed = kind, after, billed


class _Hopeless(Exception):
    """The provider won't answer this conversation, however often it is asked."""


class _Round:
    """One call of `Endpoint.answer`: workers that take one question after another."""

    def __init__(
        self, endpoint: Endpoint, asked: Sequence[Asked], heard: Callable[[Asked, Reply], None]
    ) -> None:
        self._endpoint, self._asked, self._heard = endpoint, asked, heard
        self._left: Iterator[Asked] = iter(asked)
        self._settled = asyncio.Condition()
        self._error: Exception | None = None
        """Why no more is asked; what is in flight is still waited for, since it is paid for."""
        self._refused: list[str] = []

    async def go(self) -> None:
        workers = min(self._endpoint.concurrency, len(self._asked))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())
        if self._error:
            raise self._error
        if 1 < len(self._asked) == len(self._refused):
            # That many can't all be too long: it is how they are asked.
            raise ModelError(f"'{self._endpoint.name}' refuses every request: {self._refused[0].rstrip('.')}")

    async def _work(self) -> None:
        while not self._error and (asked := next(self._left, None)) is not None:
            try:
                reply = await self._insist(asked)
            except _Hopeless as error:
                self._refused.append(str(error))
                reply = Reply(text=str(error), end=End.FAILED, tokens_read=0, tokens_written=0)
            except (Unanswered, ModelError) as error:
                self._error = self._error or error
                return
            if reply is not None:
                self._keep(asked, reply)

    def _keep(self, asked: Asked, reply: Reply) -> None:
        """Hand an answer on; where it can't be kept, as on a full disk, no more is asked."""
        try:
            self._heard(asked, reply)
        except Exception as error:  # whoever called is told it as it is, not in a group
            self._error = self._error or error

    async def _insist(self, asked: Asked) -> Reply | None:
        """An answer, however many attempts it takes; None where asking has ended meanwhile."""
        endpoint, clock, attempts = self._endpoint, asyncio.get_running_loop().time, 0
        until = clock() + endpoint.patience
        while not self._error:
            attempts += 1
            try:
                return await self._attempt(asked)
            except _Passing as error:
                endpoint.troubles[error.kind] += 1
                pause = endpoint.pause(attempts, error.after)
                if clock() + pause > until:
                    raise Unanswered(
                        f"'{endpoint.name}' did not answer for {endpoint.patience / 60:g} minutes, in "
                        f"{attempts} attempts ({error.kind}: {str(error).rstrip('.')}); what it said before "
                        "is kept"
                    ) from error
            await asyncio.sleep(pause)
        return None

    async def _attempt(self, asked: Asked) -> Reply:
        """One attempt, for which there is room in the budget."""
        budget, most = self._endpoint.budget, self._endpoint.most(asked)
        async with self._settled:
            while not budget.fits(most):
                if budget.idle:
                    raise budget.over(self._endpoint.name, most)
                await self._settled.wait()
            budget.hold(most)
        used = Tokens(0, 0)
        try:
            reply = await self._endpoint.attempt(asked)
            used = Tokens(reply.tokens_read, reply.tokens_written)
            # Who does not say what was used is taken to have used what it could.
            used = used if used.total else most
            return reply
        except _Passing as error:
            used = most if error.billed else used
            raise
        finally:
            budget.settle(most, used)
            async with self._settled:
                self._settled.notify_all()


def _open(name: str, base_url: str | None, timeout: float) -> Any:
    """Inspect's model of a name.

    Raises:
        ModelError: see `Endpoint`.
    """
    if importlib.util.find_spec("inspect_ai") is None:
        raise ModelError(
            f"'{name}' is asked through Inspect, which is not installed: {INSTALL}; a model of a hub that "
            f"has the same name is `hub:{name}`"
        )
    from inspect_ai.model import GenerateConfig, get_model

    try:
        model = get_model(
            name,
            base_url=base_url,
            memoize=False,
            config=GenerateConfig(max_retries=0, max_connections=_UNLIMITED),
        )
    except Exception as error:  # each provider has its own, of missing packages, keys and addresses
        said = " ".join(re.sub(r"\[/?[a-z ]+\]", "", str(error)).split()).rstrip(".")
        raise ModelError(f"'{name}' can't be asked: {said or type(error).__name__}") from error
    # Attempts are made, counted, timed and paid for one by one: no more than Inspect may a client repeat them
    # unseen, or give up before its time. Those of most providers are alike, since one tool makes them.
    client: Any = getattr(model.api, "client", None)
    if hasattr(client, "max_retries") and hasattr(client, "timeout"):
        client.max_retries, client.timeout = 0, 2 * timeout
    return model


def _messages(chat: Chat) -> list[Any]:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser

    kinds = (ChatMessageUser, ChatMessageAssistant)
    return [kinds[index % 2](content=turn) for index, turn in enumerate(chat)]


def _settings(asked: Asked) -> Any:
    from inspect_ai.model import GenerateConfig

    style = asked.style
    seed = asked.seed(_SEEDS) if style.temperature else None
    return GenerateConfig(temperature=style.temperature, max_tokens=style.longest, seed=seed)


def _reply(output: Any) -> Reply:
    """An answer as Inspect gives it.

    Raises:
        IndexError: there is none in it.
    """
    end = {"content_filter": End.REFUSED, "max_tokens": End.CUT, "model_length": End.CUT}.get(
        output.choices[0].stop_reason, End.ENDED
    )
    usage = output.usage
    read = sum(
        getattr(usage, name, None) or 0
        for name in ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write")
    )
    written = getattr(usage, "output_tokens", None) or 0
    return Reply(text=output.completion, end=end, tokens_read=read, tokens_written=written)


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error tells of."""
    for each in (error, error.__cause__):
        for name in ("status_code", "code", "status"):
            value = getattr(each, name, None)
            if isinstance(value, int):
                return value
    return None


def _said(error: Exception) -> str:
    """What a server gives as its reason, in one line."""
    said = str(error.__cause__ or error)
    body = getattr(error.__cause__ or error, "body", None)
    if isinstance(body, Mapping) and (detail := cast(Mapping[str, object], body).get("detail")):
        said += f": {detail}"  # the client reads OpenAI's form of a reason alone, not FastAPI's
    return " ".join(said.split())


def _after(decision: Any) -> float | None:
    """Seconds that the server wants to be left alone."""
    return getattr(decision, "retry_after", None)
