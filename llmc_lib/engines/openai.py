"""The client of OpenAI-compatible servers as a worker (see `worker`): several servers, one queue of work.

python -m llmc_lib.engines.openai SPEC.json

Whichever server is below its concurrency limit draws the next request. What a server could not answer is asked again, after a
wait that grows, there or elsewhere; a server that dies is left out, and checked until it is back.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from llmc_lib.engines import harness
from llmc_lib.engines.chat_reply import AgainError, choice_of, complaint_of, count_of, text_of
from llmc_lib.engines.endpoints import (
    Endpoint,
    Reply,
    TooLargeError,
    Wanted,
    backoff,
    new_session,
)
from llmc_lib.engines.formats import TAGS, ReasoningFormat, format_of
from llmc_lib.engines.worker import Answer, Answers, answer, gave_up, run
from llmc_lib.errors import UserError
from llmc_lib.processes.workers import emit

_CONNECT_SECONDS = 30.0
#: Seconds between looks at servers that are only starting.
_BETWEEN_LOOKS = 5.0
#: Sent where they are set, to any server: one that does not take them refuses the request.
_ASKED_FOR = ("top_k", "min_p", "presence_penalty", "chat_template_kwargs")


@dataclass(order=True)
class _Job:
    """One completion to be made. Jobs are done in the order of the spec, which is a fair sample."""

    number: int
    request: dict[str, Any] = field(compare=False)
    sample: int = field(compare=False)
    tries: int = field(default=0, compare=False)


class _RefusedError(Exception):
    """The server will not answer this request, however often it is asked."""


def _variables(request: dict[str, Any]) -> str:
    return json.dumps(request["sampling"].get("chat_template_kwargs", {}), sort_keys=True)


def main(spec: dict[str, Any]) -> None:
    """Answer the requests of a spec.

    Raises `UserError` when no server has the model, when all have died, when one wants a key, and for a
    predictions file that another process writes to or a full disk. What was finished is kept.
    """
    with Answers(spec["requests"]) as answers:
        asyncio.run(_main(spec, answers))


async def _main(spec: dict[str, Any], answers: Answers) -> None:
    async with new_session() as session:
        work = _Work(spec, answers, session)
        try:
            await work.connect()
            emit("ready")
            await work.do()
        finally:
            await work.stop()


class _Work:
    """The queue, the servers, and what becomes of each request."""

    def __init__(
        self, spec: dict[str, Any], answers: Answers, session: aiohttp.ClientSession
    ) -> None:
        engine = spec["engine"]
        self._spec = spec
        self._answers = answers
        self._retries: int = engine["retries"]
        self._concurrency: int = engine["concurrency"]
        self._timeout = aiohttp.ClientTimeout(
            total=60 * engine["timeout_minutes"], sock_connect=_CONNECT_SECONDS
        )
        # Variables of the chat template, as JSON → the format of a completion.
        self._forms: dict[str, ReasoningFormat] = {}
        jobs = [(request, sample) for request in spec["requests"] for sample in request["samples"]]
        self._left = len(jobs)
        self._queue: asyncio.PriorityQueue[_Job] = asyncio.PriorityQueue()
        for number, (request, sample) in enumerate(jobs):
            self._queue.put_nowait(_Job(number, request, sample))
        self._done: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        wanted = Wanted(
            spec["name"],
            spec["max_model_len"],
            spec["max_tokens"] == "max",
            engine["api_key"],
            os.environ.get(engine["api_key"], ""),
        )
        self._endpoints = [
            Endpoint(
                address.rstrip("/"),
                wanted,
                session,
                lambda text: emit("note", text=text),
                self._change,
            )
            for address in dict.fromkeys(engine["endpoints"])
        ]

    # ---- servers -------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Find the servers that have the model. Raises `UserError` when there is none."""
        checks = asyncio.create_task(self._first_checks())
        if self._spec["model"] is not None:
            for given in {_variables(request) for request in self._spec["requests"]}:
                with suppress(UserError):  # no chat template here: the server may have one
                    self._forms[given] = await asyncio.to_thread(
                        format_of, Path(self._spec["model"]), json.loads(given)
                    )
        problems = await checks
        for endpoint, problem in zip(self._endpoints, problems, strict=True):
            endpoint.is_open, endpoint.problem = not problem, problem
        found = [endpoint for endpoint in self._endpoints if endpoint.is_open]
        name, section = self._spec["name"], self._spec["section"]
        if not found:
            raise UserError(
                f"{section}.endpoints: no server can be used for the model {name!r}: {self._problems()}. Start "
                f"one with `make serve PARAMS=… MODEL={name}`, or say what the servers call the model in "
                f"{section}.served_as"
            )
        for endpoint in self._endpoints:
            if not endpoint.is_open:
                endpoint.mend()

    async def _first_checks(self) -> list[str]:
        """What is wrong with each endpoint, "" where it is of use; none is waited for once one is."""
        end = time.monotonic() + 60 * self._spec.get("wait_minutes", 0.0)
        while True:
            found = await asyncio.gather(*(each.health_check() for each in self._endpoints))
            if "" in found or time.monotonic() >= end:
                return found
            await asyncio.sleep(_BETWEEN_LOOKS)

    def _problems(self) -> str:
        return "; ".join(f"{endpoint.address} {endpoint.problem}" for endpoint in self._endpoints)

    def _change(self) -> None:
        self._changed.set()
        self._give_up_if_hopeless()

    def _give_up_if_hopeless(self) -> None:
        hopeless = all(
            not endpoint.is_open and not endpoint.in_flight and endpoint.failures > self._retries
            for endpoint in self._endpoints
        )
        if hopeless and not self._end.done():
            self._end.set_exception(
                UserError(
                    f"{self._spec['section']}.endpoints: no server is left: {self._problems()}. What was "
                    "finished is kept; start the servers and run the same command again"
                )
            )

    # ---- work ----------------------------------------------------------------------------------

    async def do(self) -> None:
        """Answer everything. Raises `UserError` when that cannot be."""
        loops = [self._dispatch(), self._save(), *(e.watch() for e in self._endpoints)]
        self._loops = [asyncio.create_task(loop) for loop in loops]
        for task in self._loops:
            task.add_done_callback(self._pass_on)
        await self._end

    async def stop(self) -> None:
        """End what runs; what has been answered by then is written."""
        for endpoint in self._endpoints:
            await endpoint.stop()
        if self._loops:
            dispatch, _save, *watches = self._loops
            for task in (dispatch, *watches):
                task.cancel()
            self._done.put_nowait(None)
            await asyncio.gather(*self._loops, return_exceptions=True)

    async def _dispatch(self) -> None:
        """Give the next request to the open endpoint that has the least to do."""
        while True:
            job = await self._queue.get()
            while not (
                free := [
                    endpoint
                    for endpoint in self._endpoints
                    if endpoint.is_open
                    and len(endpoint.in_flight) < min(self._concurrency, endpoint.concurrency_limit)
                ]
            ):
                self._changed.clear()
                await self._changed.wait()
            endpoint = min(free, key=lambda endpoint: len(endpoint.in_flight))
            task = asyncio.create_task(self._attempt(endpoint, job))
            endpoint.in_flight.add(task)
            task.add_done_callback(endpoint.in_flight.discard)
            task.add_done_callback(self._pass_on)

    async def _save(self) -> None:
        """Write what has been answered, as much at a time as there is."""
        closing = False
        while not closing:
            batch = [await self._done.get()]
            while not self._done.empty():
                batch.append(self._done.get_nowait())
            closing = None in batch
            ended = [found for found in batch if found is not None]
            # The disk may take its time; the servers' answers go on arriving.
            await asyncio.to_thread(self._answers.add, ended)
            self._left -= len(ended)
            if not self._left and not self._end.done():
                self._end.set_result(None)

    def _pass_on(self, task: asyncio.Task[None]) -> None:
        """An error in the background is the whole worker's; and a request that ended makes room."""
        if not task.cancelled() and (error := task.exception()) and not self._end.done():
            self._end.set_exception(error)
        self._change()

    # ---- one request -----------------------------------------------------------------------------

    async def _attempt(self, endpoint: Endpoint, job: _Job) -> None:
        start = time.monotonic()
        try:
            reply = await self._ask(endpoint, job)
            found = await self._completion(endpoint, job, reply, time.monotonic() - start)
        except _RefusedError as error:
            self._fail(endpoint, job, str(error))
        except AgainError as error:
            self._again(endpoint, job, error)
        except asyncio.CancelledError:  # the endpoint is gone
            self._again(endpoint, job, AgainError(f"{endpoint.address} stopped answering"))
        else:
            endpoint.answered()
            self._done.put_nowait(found)

    def _again(self, endpoint: Endpoint, job: _Job, error: AgainError) -> None:
        if self._end.done():
            return
        job.tries += error.counts
        if job.tries > self._retries:
            self._fail(endpoint, job, gave_up(error, job.tries))
            return
        wait = max(backoff(job.tries), error.rest or 0.0)
        asyncio.get_running_loop().call_later(wait, self._queue.put_nowait, job)

    def _fail(self, endpoint: Endpoint, job: _Job, problem: str) -> None:
        self._done.put_nowait(
            answer(job.request, job.sample, "failed", engine=endpoint.address, error=problem)
        )

    async def _ask(self, endpoint: Endpoint, job: _Job) -> Reply:
        """A reply with status 200. Raises `AgainError`, `_RefusedError` or `KeyRefusedError`."""
        while True:
            left_out = set(endpoint.left_out)
            reply = await self._send(endpoint, self._body(endpoint, job))
            if reply.status == 200:
                return reply
            said, unsupported = complaint_of(reply.body)
            problem = f"status {reply.status}: {endpoint.plain(said) or 'no reason given'}"
            if reply.status == 429:
                endpoint.overloaded(problem, reply.retry_after)
                raise AgainError(problem, reply.retry_after, counts=False)
            if reply.status >= 500:
                endpoint.erred(problem)
                raise AgainError(problem, reply.retry_after)
            if reply.status in (408, 409, 425):
                raise AgainError(problem, reply.retry_after)
            if reply.status == 404:  # no longer what it was: it may have been restarted
                endpoint.close(problem)
                raise AgainError(problem)
            asked_for = unsupported in _ASKED_FOR and unsupported in job.request["sampling"]
            if unsupported in left_out or asked_for or not endpoint.leave_out(unsupported):
                raise _RefusedError(problem)

    async def _send(self, endpoint: Endpoint, body: bytes) -> Reply:
        try:
            return await endpoint.complete(body, self._timeout)
        except TooLargeError as error:
            raise _RefusedError(str(error)) from None
        except aiohttp.ClientPayloadError as error:
            raise AgainError(f"the reply broke off: {endpoint.plain(str(error))}") from None
        except aiohttp.ConnectionTimeoutError:
            endpoint.close("cannot be reached")
            raise AgainError(f"no connection within {_CONNECT_SECONDS:.0f} s") from None
        except TimeoutError:
            minutes = (self._timeout.total or 0) / 60
            raise AgainError(f"not finished within {minutes:g} minutes (timeout_minutes)") from None
        except (aiohttp.ClientError, OSError) as error:
            endpoint.close(f"lost the connection ({endpoint.why(error)})")
            raise AgainError(f"the connection was lost: {endpoint.why(error)}") from None

    def _form_of(self, request: dict[str, Any]) -> ReasoningFormat:
        return self._forms.get(_variables(request), TAGS)

    def _body(self, endpoint: Endpoint, job: _Job, **changed: Any) -> bytes:
        spec, request = self._spec, job.request
        own = request["sampling"]
        turns = [{"role": "user", "content": request["prompt"]}]
        if request["system"]:
            turns.insert(0, {"role": "system", "content": request["system"]})
        body = {
            "model": spec["name"],
            "messages": turns,
            "temperature": own["temperature"],
            "top_p": own["top_p"],
            "seed": request["seed"] + job.sample,
        }
        if own["max_tokens"] != "max":
            body["max_tokens"] = own["max_tokens"]
        if schema := spec.get("json_schema"):
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": schema, "strict": True},
            }
        if endpoint.is_vllm:
            # What the model's maker recommends for sampling is not taken: all models are sampled alike.
            body |= {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
            form = self._form_of(request)
            if form.kind == "tags" and form.special:
                body["skip_special_tokens"] = False
        body |= {name: own[name] for name in _ASKED_FOR if name in own}
        body |= changed
        for name in endpoint.left_out & body.keys():
            value = body.pop(name)
            if name == "max_tokens":
                body["max_completion_tokens"] = value
        return json.dumps(body).encode()

    async def _completion(
        self, endpoint: Endpoint, job: _Job, reply: Reply, seconds: float
    ) -> Answer:
        """What a reply says. Raises `AgainError` where it is no completion."""
        message, reason, usage, fingerprint = choice_of(endpoint, reply)
        reasoning = text_of(message.get("reasoning")) or text_of(message.get("reasoning_content"))
        response = text_of(message.get("content")) or text_of(message.get("refusal"))
        if reasoning:
            reasoning, response = reasoning.strip(), response.strip()
        else:
            form = self._form_of(job.request)
            if form.opened and response and await self._splits(endpoint, job):
                form = TAGS
            reasoning, response = form.split(response)
        return answer(
            job.request,
            job.sample,
            reason,
            engine=endpoint.address,
            harness=self._answers.made_by(
                harness.of_server(fingerprint, self._spec["engine"], is_vllm=endpoint.is_vllm)
            ),
            reasoning=reasoning,
            response=response,
            prompt_tokens=count_of(usage.get("prompt_tokens")),
            completion_tokens=count_of(usage.get("completion_tokens")),
            seconds=seconds,
        )

    async def _splits(self, endpoint: Endpoint, job: _Job) -> bool:
        """Does the server take the reasoning out of the content? Where the template opens the block, a
        content without tags does not tell; the first tokens of any completion do, being reasoning."""
        if endpoint.splits is None:
            reply = await self._send(endpoint, self._body(endpoint, job, max_tokens=8))
            if reply.status != 200:
                raise AgainError(f"status {reply.status}")
            message = choice_of(endpoint, reply).message
            endpoint.splits = bool(message.get("reasoning") or message.get("reasoning_content"))
        return endpoint.splits


if __name__ == "__main__":
    run(main)
