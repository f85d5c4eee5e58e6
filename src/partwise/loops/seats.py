"""The seats that a language model may have in the proxy, as the settings name it."""

from __future__ import annotations

from functools import lru_cache

from partwise.config import AlignConfig, AskedConfig, ProxyConfig
from partwise.config.places import cache_folder
from partwise.models.budget import Budget
from partwise.models.chat_model import ChatModel, Style
from partwise.models.endpoint import HUB, Endpoint, is_provider
from partwise.models.hub import check_causal_lm
from partwise.models.local_chat import LocalChat
from partwise.models.prompts import Prompts, make_prompts, read_prompts
from partwise.models.replies import FILE, Replies, ReplyStore
from partwise.oversight.model_writer import ModelWriter
from partwise.oversight.word import WordJudge
from partwise.worlds.base import World
from partwise.worlds.telling import proxy_fields


def proxy_prompts(world: World, config: ProxyConfig) -> Prompts | None:
    """What the proxy's language model is told; None without one.

    Raises:
        ModelError: the prompts can't be read, or name a field that there is not.
    """
    if config.model is None:
        return None
    return make_prompts(read_prompts(config.asked.prompts or "full", "full"), proxy_fields(world))


def check_proxy(world: World, config: AlignConfig) -> None:
    """Refuse, before anything is made, a `proxy.model` that no run could use.

    Raises:
        ModelError: it, the extra that it needs or its provider's key is not there, or its prompts can't be
            used.
    """
    proxy, device = config.proxy, config.planner.device
    if proxy.model is None:
        return
    proxy_prompts(world, proxy)
    if is_provider(proxy.model):
        _model(proxy.model, proxy.asked.model_dump_json(), device)
    else:
        check_causal_lm(proxy.model.removeprefix(HUB), device=device)


def model_writer(world: World, config: ProxyConfig, device: str, seed: int) -> ModelWriter:
    """The language model as one that writes bodies; `device` and `seed` are the run's.

    Raises:
        ModelError: see `check_proxy`.
    """
    asked, (replies, prompts) = config.asked, _seated(world, config, device)
    style = Style(temperature=asked.temperature, longest=asked.longest, seed=seed)
    return ModelWriter(replies, prompts, copies=asked.copies, capacity=config.capacity, style=style)


def word_judge(world: World, config: ProxyConfig, device: str, seed: int) -> WordJudge | None:
    """The language model as one that judges, where it does; `device` and `seed` are the run's.

    Raises:
        ModelError: see `check_proxy`.
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


def _seated(world: World, config: ProxyConfig, device: str) -> tuple[Replies, Prompts]:
    prompts = proxy_prompts(world, config)
    if prompts is None or config.model is None:
        raise ValueError("no seat without `proxy.model`")  # the settings refuse it
    model = _model(config.model, config.asked.model_dump_json(), device)
    return Replies(model, _store(cache_folder() / FILE)), prompts


_store = lru_cache(maxsize=1)(ReplyStore)
"""The answers that are kept: opened once in a process."""


@lru_cache(maxsize=1)
def _model(name: str, settings: str, device: str) -> ChatModel:
    """The model: one for both seats, and for the proxies of earlier rounds, so that one budget is theirs.

    `settings` are an `AskedConfig` as JSON, which can be looked up.
    """
    asked = AskedConfig.model_validate_json(settings)
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
