"""Servers of chat completions that answer nonsense and die."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import threading
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.engines.chat_server import ChatServer, completion

PORTS = (18641, 18642)
#: What a server may say in place of a completion.
_NONSENSE: tuple[tuple[int, bytes], ...] = (
    (200, b""), (200, b"<html><h1>502 Bad Gateway</h1></html>"), (200, b'{"choices": []}'), (200, b"null"), (200, b"[]"),
    (200, b'{"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}'), (200, b"\xff\xfe\x00" * 1000),
    (200, b'{"choices": [{"message": null}], "usage": {"completion_tokens": -5}}'), (200, b'{"choices": [{"mess'),
    (200, b"[" * 50_000), (500, b"Traceback (most recent call last):\n  boom"), (503, b""), (429, b"slow down"),
    (502, b"\x1b[2J"), (200, b'{"error": {"message": "out of memory"}}'), (408, b""),
)  # fmt: skip


class Servers:
    """Two of them, with the same answers; `nonsense` is the share of replies that are none."""

    def __init__(self, *, nonsense: float = 0.05, delay: float = 0.03) -> None:
        self.nonsense, self._delay = nonsense, delay
        # A connection that breaks off is an exception, and its task unfinished: both would be shown.
        for name in ("aiohttp.server", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._draw = random.Random(0)
        self._thread = threading.Thread(target=self._die_now_and_then, daemon=True)
        self._servers: dict[int, ChatServer] = {}
        self._closing = threading.Event()
        self.dead = False  # for good, until it is said otherwise
        for port in PORTS:
            self.up(port)

    async def _answer(self, server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(self._delay)
        if self._draw.random() < self.nonsense:
            if self._draw.random() < 0.1:
                raise ConnectionResetError
            status, said = self._draw.choice(_NONSENSE)
            return web.Response(status=status, body=said)
        text = body["messages"][-1]["content"]
        drawn = hashlib.sha256(f"{body['model']} {text}".encode()).digest()[0]
        reason = "length" if drawn % 16 == 0 else "stop"
        return completion(f"<think>\n{drawn}\n</think>\nAnswer: {'ABCDEFGHIJ'[drawn % 10]}", reason)

    def up(self, port: int) -> None:
        server = ChatServer(self._answer, port=port)
        server.models = [{"id": name} for name in ("base", *(f"step-{n}" for n in range(1, 50)))]
        self._servers[port] = server

    def down(self, port: int) -> None:
        if server := self._servers.pop(port, None):
            server.stop()

    def all_up(self) -> None:
        for port in PORTS:
            if port not in self._servers:
                self.up(port)

    def start_dying(self) -> None:
        """Until `close` each dies now and then, for a moment."""
        self._thread.start()

    def _die_now_and_then(self) -> None:
        draw = random.Random(1)
        while not self._closing.wait(draw.uniform(0.2, 3)):
            self.down(draw.choice(PORTS))
            self._closing.wait(draw.uniform(0.1, 1.5))
            with suppress(OSError):  # the port is not free yet
                if not self.dead:
                    self.all_up()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        for port in PORTS:
            self.down(port)
