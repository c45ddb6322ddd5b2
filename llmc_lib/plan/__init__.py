"""`make plan`: what a run will need and how long it will take, before any GPU is used."""

from llmc_lib.plan.build import Plan, make_plan, refuse
from llmc_lib.plan.text import memory_table, render

__all__ = ["Plan", "make_plan", "memory_table", "refuse", "render"]
