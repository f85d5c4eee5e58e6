"""The seats that a language model may have without being trained: in the proxy, among people, in debates."""

from __future__ import annotations

from functools import lru_cache

from partwise.config import AlignConfig, ChatConfig, HumanConfig, ProxyConfig
from partwise.config.places import cache_folder
from partwise.models.budget import Budget
from partwise.models.chat_model import ChatModel, Style
from partwise.models.endpoint import HUB, Endpoint, is_provider
from partwise.models.hub import check_causal_lm
from partwise.models.local_chat import LocalChat
from partwise.models.prompts import Prompts, make_prompts, read_prompts
from partwise.models.replies import FILE, Replies, ReplyStore
from partwise.oversight.model_writer import ModelWriter
from partwise.oversight.played import PlayedPeople
from partwise.oversight.spoken import ModelDebater
from partwise.oversight.word import WordJudge
from partwise.values import Schedule, ValueProfile
from partwise.worlds.base import World
from partwise.worlds.telling import debater_fields, held_dear, people_fields, proxy_fields


def proxy_prompts(world: World, config: ProxyConfig) -> Prompts | None:
    """What the proxy's language model is told; None without one.

    Raises:
        ModelError: the prompts can't be read, or name a field that there is not.
    """
    if config.model is None:
        return None
    return make_prompts(read_prompts(config.asked.prompts or "full", "full"), proxy_fields(world))


def people_prompts(world: World, config: HumanConfig) -> Prompts | None:
    """What a language model is told that answers as people would; None without one.

    Raises:
        ModelError: the prompts can't be read, or name a field that there is not.
    """
    if config.model is None:
        return None
    return make_prompts(read_prompts(config.asked.prompts or "full", "full"), people_fields(world))


def check_seats(world: World, config: AlignConfig) -> None:
    """Refuse, before anything is made, a `proxy.model` or `human.model` that no run could use.

    Raises:
        ModelError: it, the extra that it needs or its provider's key is not there, or its prompts can't be
            used.
    """
    proxy_prompts(world, config.proxy)
    people_prompts(world, config.human)
    for seat in (config.proxy, config.human):
        if seat.model is not None:
            _check_model(seat.model, seat.asked, config.planner.device)


def check_debater(world: World, name: str, asked: ChatConfig, device: str) -> None:
    """Refuse, before anything is made, a model that can't debate.

    Raises:
        ModelError: see `check_seats`.
    """
    _debater_prompts(world, asked)
    _check_model(name, asked, device)


def _check_model(name: str, asked: ChatConfig, device: str) -> None:
    if is_provider(name):
        _model(name, _bounds(asked), device)
    else:
        check_causal_lm(name.removeprefix(HUB), device=device)


def model_writer(world: World, config: ProxyConfig, device: str, seed: int) -> ModelWriter:
    """The language model as one that writes bodies; `device` and `seed` are the run's.

    Raises:
        ModelError: see `check_seats`.
    """
    asked, (replies, prompts) = config.asked, _seated(world, config, device)
    style = Style(temperature=asked.temperature, longest=asked.longest, seed=seed)
    return ModelWriter(replies, prompts, copies=asked.copies, capacity=config.capacity, style=style)


def word_judge(world: World, config: ProxyConfig, device: str, seed: int) -> WordJudge | None:
    """The language model as one that judges, where it does; `device` and `seed` are the run's.

    Raises:
        ModelError: see `check_seats`.
    """
    if config.judge == "reward":
        return None
    asked, (replies, prompts) = config.asked, _seated(world, config, device)
    return WordJudge(
        replies,
        prompts,
        by=asked.by,
        samples=asked.samples,
        longest=asked.longest,
        seed=seed,
        alone=config.judge == "word",
    )


def played(world: World, schedule: Schedule, human: HumanConfig, device: str, seed: int) -> PlayedPeople:
    """The language model as one that answers as people would; `device` and `seed` are the run's.

    Raises:
        ModelError: see `check_seats`.
    """
    prompts, asked = people_prompts(world, human), human.asked
    if prompts is None or human.model is None:
        raise ValueError("nobody plays people without `human.model`")  # the settings refuse it
    replies = Replies(_model(human.model, _bounds(asked), device), _store(cache_folder() / FILE))
    style = Style(temperature=asked.temperature, longest=asked.longest, seed=seed)

    def told(profile: ValueProfile) -> str:
        return held_dear(world, profile.but(human.stated))

    return PlayedPeople(replies, prompts, schedule, told, style=style, seed=str(seed))


def debater(world: World, name: str, asked: ChatConfig, device: str) -> ModelDebater:
    """The language model as one that debates; it says what is likeliest.

    Raises:
        ModelError: see `check_seats`.
    """
    replies = Replies(_model(name, _bounds(asked), device), _store(cache_folder() / FILE))
    return ModelDebater(
        replies, _debater_prompts(world, asked), Style(temperature=0.0, longest=asked.longest)
    )


def _debater_prompts(world: World, asked: ChatConfig) -> Prompts:
    return make_prompts(read_prompts(asked.prompts or "full", "full"), debater_fields(world))


def _seated(world: World, config: ProxyConfig, device: str) -> tuple[Replies, Prompts]:
    prompts = proxy_prompts(world, config)
    if prompts is None or config.model is None:
        raise ValueError("no seat without `proxy.model`")  # the settings refuse it
    model = _model(config.model, _bounds(config.asked), device)
    return Replies(model, _store(cache_folder() / FILE)), prompts


_store = lru_cache(maxsize=1)(ReplyStore)
"""The answers that are kept: opened once in a process."""


def _bounds(asked: ChatConfig) -> str:
    """What a model is asked within, as JSON, which can be looked up."""
    return ChatConfig.model_validate(asked.model_dump(include=set(ChatConfig.model_fields))).model_dump_json()


@lru_cache(maxsize=2)
def _model(name: str, bounds: str, device: str) -> ChatModel:
    """The model: one for both of the proxy's seats, and for the proxies of earlier rounds, so that one budget
    is theirs. That of people has one of its own, unless all that bounds it is the same.
    """
    asked = ChatConfig.model_validate_json(bounds)
    if not is_provider(name):
        return LocalChat.load(name.removeprefix(HUB), device=device)
    budget = Budget(
        max_tokens=asked.max_tokens,
        max_dollars=asked.max_dollars,
        price_read=asked.price.read,
        price_written=asked.price.written,
    )
    return Endpoint(
        name,
        base_url=asked.base_url,
        concurrency=asked.concurrency,
        timeout=asked.timeout,
        patience=asked.patience,
        budget=budget,
    )
