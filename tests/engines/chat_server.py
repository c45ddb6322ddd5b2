"""A small OpenAI-compatible server: real HTTP, and answers as a test wants them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Behaviour = Callable[["ChatServer", dict[str, Any]], Awaitable[web.StreamResponse]]


def completion(
    content: str | None, finish_reason: str = "stop", **message: Any
) -> web.StreamResponse:
    """A chat completion as a server sends it."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish_reason,
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return web.json_response({"choices": [choice], "usage": usage})


async def echo(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
    """The last turn again, after a moment."""
    await asyncio.sleep(server.delay)
    return completion(f"{body['messages'][-1]['content']} {body.get('seed', '')}")


class ChatServer:
    """Serves `models` on a port of this machine, in a thread, until it is stopped."""

    def __init__(self, behaviour: Behaviour = echo, *, key: str = "", port: int = 0) -> None:
        self.behaviour = behaviour
        self.key = key
        self.models: list[dict[str, Any]] = [{"id": "small", "owned_by": "me"}]
        self.delay = 0.0
        self.asked: list[dict[str, Any]] = []  # the bodies
        self.times: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.looks = 0
        self.deaf = False  # takes requests for models and never answers
        self.busy = self.most_busy = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self.port = port
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def stop(self) -> None:
        """Close the port and every connection, as the end of a process does."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def __enter__(self) -> ChatServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        assert self._runner is not None
        server = self._runner.server
        assert server is not None
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()

    def _allowed(self, request: web.Request) -> bool:
        return not self.key or request.headers.get("Authorization") == f"Bearer {self.key}"

    async def _models(self, request: web.Request) -> web.StreamResponse:
        self.looks += 1
        while self.deaf:
            await asyncio.sleep(0.01)
        if not self._allowed(request):
            return web.json_response({"error": {"message": "no"}}, status=401)
        return web.json_response({"object": "list", "data": self.models})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = json.loads(await request.read())
        self.asked.append(body)
        self.times.append(time.monotonic())
        self.headers.append(dict(request.headers))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            return await self.behaviour(self, body)
        finally:
            self.busy -= 1
