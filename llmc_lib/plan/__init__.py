"""`make plan`: what a run will need and how long it will take, before any GPU is used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.plan.build import Plan, make_plan, refuse
    from llmc_lib.plan.text import memory_table, render

__all__ = ["Plan", "make_plan", "memory_table", "refuse", "render"]


def __getattr__(name: str) -> Any:
    # Late: the worker that counts a model's parameters makes no plan.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from llmc_lib.plan import build, text

    return getattr(build if hasattr(build, name) else text, name)
