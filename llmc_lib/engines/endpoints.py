"""OpenAI-compatible servers as an asyncio client sees them: which models they serve, whether they live.

Without the library of the API's maker: for each of 2,000 requests to a server that answers at once, this client took 0.20 ms
of processor time, `openai.AsyncOpenAI` 3.54 1.8 to 2.0 ms (performance/evaluation.py --clients), 1.5 to 1.7 ms where its
replies stay raw, and 0.9 to 1.1 ms over aiohttp. It could take over little: the limits, retries and messages
here would have to be set up around it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from llmc_lib.errors import UserError
from llmc_lib.store import json_reader

#: Seconds. A server under full load may take long to say which models it has.
_HEALTH_TIMEOUT = 60.0
_WATCH_EVERY = 30.0
_MISSES = 3  # this many health checks in a row, and the server is taken for dead
#: Errors (5xx) in a row before a server is left alone for a while.
_SEVERAL_ERRORS = 5
_LONGEST_REST = 60.0
#: What a completion can do without; max_tokens has another name then.
_OPTIONAL = ("max_tokens", "temperature", "top_p", "seed", "top_k", "min_p", "repetition_penalty")
#: A completion of a million tokens has about 10 MB; more than this is no completion, and no row of a store.
_LARGEST_REPLY = json_reader.BYTES // 2
#: Seconds of silence, between probes, and probes, after which the kernel gives a connection up. A
#: generation may say nothing for hours, and a machine that lost its power says nothing either.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


class KeyRefusedError(UserError):
    """A server wants another API key, or one at all."""


class TooLargeError(Exception):
    """A reply that nobody should hold in memory."""


@dataclass(frozen=True)
class Wanted:
    """What a server must have to be of use."""

    model: str  # as the servers call it
    max_model_len: int
    exactly: bool  # must its length be this one, or may it be more?
    key_variable: str
    key: str = field(repr=False)


@dataclass
class Reply:
    """What came back over HTTP."""

    status: int
    body: bytes
    retry_after: float | None  # seconds


@dataclass(eq=False)
class Endpoint:
    """One server: whether it takes work, and what is being worked on there."""

    address: str  # up to /v1
    wanted: Wanted
    session: aiohttp.ClientSession
    note: Callable[[str], None]  # tells the person
    changed: Callable[[], None]  # called when it may take work again, and when it was seen dead
    is_open: bool = False
    problem: str = ""  # why it is not
    failures: int = 0  # times it was closed or found closed since it last answered
    is_vllm: bool = False
    splits: bool | None = None  # does it take the reasoning out of the content? None: not known yet
    left_out: set[str] = field(default_factory=set)  # parameters that it does not take
    concurrency_limit: float = math.inf  # requests at once, as far as its pauses tell
    in_flight: set[asyncio.Task[None]] = field(default_factory=set)
    _errors: int = 0
    _mender: asyncio.Task[None] | None = None

    # ---- requests ----------------------------------------------------------------------------

    async def complete(self, body: bytes, timeout: aiohttp.ClientTimeout) -> Reply:
        """POST /chat/completions. Raises aiohttp's errors, and `TimeoutError`."""
        return await self._ask("POST", "/chat/completions", timeout, body)

    async def health_check(self) -> str:
        """Ask which models it serves: "" where it is of use, else why not.

        Raises `KeyRefusedError`.
        """
        timeout = aiohttp.ClientTimeout(total=_HEALTH_TIMEOUT, sock_connect=_HEALTH_TIMEOUT / 4)
        try:
            reply = await self._ask("GET", "/models", timeout)
            for _ in range(_MISSES):
                if reply.status == 429:  # alive, and busy
                    await asyncio.sleep(min(reply.retry_after or 5.0, _LONGEST_REST))
                    reply = await self._ask("GET", "/models", timeout)
        except TimeoutError:
            return f"does not answer within {_HEALTH_TIMEOUT:.0f} s"
        except (aiohttp.ClientError, OSError, ValueError, TooLargeError) as error:
            return f"cannot be reached ({self.why(error)})"
        if reply.status != 200:
            return f"answers GET /models with status {reply.status} (an address goes up to /v1)"
        try:
            cards = {str(card["id"]): card for card in json_reader.loads(reply.body)["data"]}
        except (ValueError, TypeError, KeyError, AttributeError):
            return "answers GET /models with no list of models"
        card = cards.get(self.wanted.model)
        if card is None:
            return f"serves {', '.join(map(self.plain, cards)) or 'no model'}"
        self.is_vllm = card.get("owned_by") == "vllm"
        length, need = card.get("max_model_len"), self.wanted.max_model_len
        if isinstance(length, int) and (length < need or (self.wanted.exactly and length != need)):
            return f"was started with max_model_len {length}, the params say {need}"
        return ""

    async def _ask(
        self, method: str, path: str, timeout: aiohttp.ClientTimeout, body: bytes | None = None
    ) -> Reply:
        headers = {"Accept-Encoding": "identity"}  # what is small cannot become large here
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.wanted.key:
            headers["Authorization"] = f"Bearer {self.wanted.key}"
        async with self.session.request(
            method,
            self.address + path,
            data=body,
            headers=headers,
            timeout=timeout,
            proxy=_proxy(self.address),
            allow_redirects=False,  # the key is for this address alone
        ) as response:
            chunks, size = [], 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > _LARGEST_REPLY:
                    raise TooLargeError(f"the reply has more than {_LARGEST_REPLY / 2**20:g} MiB")
                chunks.append(chunk)
        if response.status in (401, 403):
            said = (
                f"does not take the API key in {self.wanted.key_variable}"
                if self.wanted.key
                else f"wants an API key, and the environment variable {self.wanted.key_variable} is empty"
            )
            raise KeyRefusedError(
                f"{self.address} {said} (status {response.status}); set the variable that api_key names, and "
                "run the same command again"
            )
        return Reply(response.status, b"".join(chunks), _retry_after(response.headers))

    def leave_out(self, parameter: str) -> bool:
        """Ask from now on without a parameter that the server does not take; False where that cannot
        be. (OpenAI's reasoning models take no temperature, and have another name for max_tokens.)"""
        if parameter in _OPTIONAL and parameter not in self.left_out:
            self.left_out.add(parameter)
            self.note(f"{self.address} does not take {parameter}: it is left to the server")
        return parameter in _OPTIONAL

    def why(self, error: Exception) -> str:
        """An error of the network in a few words."""
        if isinstance(error, aiohttp.ClientConnectorError) and (number := error.os_error.errno):
            # asyncio puts its own words, with the address, in place of the system's.
            return os.strerror(number) if number > 0 else self.plain(str(error.os_error.strerror))
        return self.plain(str(error) or type(error).__name__)

    def plain(self, text: str) -> str:
        """A server's words as one short line of printable characters, without the key."""
        if self.wanted.key:
            text = text.replace(self.wanted.key, "…")
        line = " ".join(text.split())
        line = "".join(c if c.isprintable() else "�" for c in line)
        return line if len(line) <= 300 else f"{line[:299]}…"

    # ---- life and death ------------------------------------------------------------------------

    def answered(self) -> None:
        """It completed something: all is well, and it may do with a little more at once."""
        self.failures = self._errors = 0
        self.concurrency_limit += 1 / self.concurrency_limit

    def overloaded(self, problem: str, seconds: float | None) -> None:
        """It asked for a pause (429): it gets nothing for so long, then half as much at once, and more
        with each answer. (Additive increase, multiplicative decrease, as TCP does it.)"""
        if self.is_open:
            self.concurrency_limit = max(1.0, len(self.in_flight) / 2)
            self._rest(problem, seconds)

    def erred(self, problem: str) -> None:
        """It answered with an error that may be its own (5xx); after several it is left alone."""
        self._errors += 1
        if self._errors >= _SEVERAL_ERRORS and self.is_open:
            self._errors = 0
            self._rest(problem, None)

    def _rest(self, problem: str, seconds: float | None) -> None:
        """Leave it alone for so long, or for a while that grows until it completes something."""
        self.failures += 1
        self.close(problem, backoff(self.failures) if seconds is None else seconds)

    def close(self, problem: str, rest: float = 0.0) -> None:
        """Give it no work for `rest` seconds, and not before it is found well."""
        if self.is_open:
            self.is_open, self.problem = False, problem
            self.mend(rest)

    def mend(self, rest: float = 0.0) -> None:
        """Check a closed endpoint again and again, until it is of use."""
        self._mender = asyncio.create_task(self._mend(rest))

    async def _mend(self, rest: float) -> None:
        misses = 0
        while True:
            await asyncio.sleep(rest)
            problem = await self._check_safely()
            if not problem:
                break
            self.problem = problem
            self.failures += 1
            misses += 1
            if misses == 1:
                self.note(f"{self.address} {problem}: it is left out")
            if misses == 2:  # once may be a moment's trouble, and a generation may be hours old
                for task in self.in_flight:
                    task.cancel()
            self.changed()
            rest = min(_LONGEST_REST, 2.0**misses)
        if misses:
            self.note(f"{self.address} is back")
        self.is_open, self.problem = True, ""
        self.splits = None  # it may have been restarted
        self.changed()

    async def watch(self) -> None:
        """Find out when a server that works on something has died without a word."""
        misses = 0
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            if not (self.is_open and self.in_flight):
                misses = 0
                continue
            problem = await self._check_safely()
            misses = misses + 1 if problem else 0
            if misses >= _MISSES:
                self.close(problem)

    async def _check_safely(self) -> str:
        try:
            return await self.health_check()
        except KeyRefusedError as error:  # it has been restarted with another key
            return f"refuses the key ({error})"

    async def stop(self) -> None:
        """End what runs in the background."""
        tasks = [task for task in (self._mender, *self.in_flight) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def backoff(attempt: int) -> float:
    """Seconds to wait before another try: exponential, with full jitter.

    Source: M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """
    return random.uniform(0, min(_LONGEST_REST, 2.0**attempt))


def new_session() -> aiohttp.ClientSession:
    """A session for any number of long requests; dead connections are noticed by TCP's keep-alive."""
    connector = aiohttp.TCPConnector(
        limit=0,
        socket_factory=_socket,
        keepalive_timeout=4.0,  # vLLM's server closes an idle connection after 5 s
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        with suppress(AttributeError, OSError):  # not on every system
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


@cache
def _proxy(address: str) -> str | None:
    """The environment's proxy for an address; none for this machine itself."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return None
    if host == "localhost" or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _retry_after(headers: Any) -> float | None:
    """The header Retry-After in seconds, an hour at most (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "")
    if text.isdecimal():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), 3600.0)
