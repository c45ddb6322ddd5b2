"""The first interrupt asks, the second one interrupts; what is shown is a sentence."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from llmc_lib.processes.interrupts import Interrupted, first_interrupt, interruptible


@pytest.fixture(autouse=True)
def _interrupts_arrive() -> object:
    """What a shell starts behind `&` ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_interrupt_asks_and_the_second_one_interrupts() -> None:
    asked = []
    with first_interrupt(lambda: not asked.append(1)):  # type: ignore[func-returns-value]
        _interrupt()
        assert asked == [1]
        with pytest.raises(KeyboardInterrupt):
            _interrupt()
    assert asked == [1]
    with pytest.raises(KeyboardInterrupt):
        _interrupt()


def test_work_that_cannot_end_by_itself_is_interrupted_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), first_interrupt(lambda: False):
        _interrupt()


def test_a_thread_that_hears_no_interrupts_works_as_ever() -> None:
    worked = []

    def work() -> None:
        with first_interrupt(lambda: True):
            worked.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert worked == [signal.default_int_handler]


def test_an_interrupt_becomes_a_sentence_and_stays_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, interruptible("The training"):
        _interrupt()
    error = caught.value
    assert isinstance(error, Interrupted)
    assert error._render_traceback_() == [
        "The training was interrupted. What is complete is kept; run the cell again to resume."
    ]


def test_what_knows_more_is_not_overruled() -> None:
    with pytest.raises(Interrupted, match="after step 3"), interruptible("The training"):
        raise Interrupted("after step 3")
