"""The commands of `python -m llmc_lib` and their options."""

from __future__ import annotations

import argparse
import os

from llmc_lib.errors import UserError

#: Commands that look at how answers are graded, and need no model.
OF_GRADES = ("audit", "grader-check")


def parser(described: str) -> argparse.ArgumentParser:
    """The parser of all commands; the first line of `described` is their description."""
    made = argparse.ArgumentParser(prog="python -m llmc_lib", description=described.split("\n")[0])
    commands = made.add_subparsers(dest="command", required=True)
    site = commands.add_parser("site")
    site.add_argument("folder", nargs="?", default="reports", help="where the reports are")
    lab = commands.add_parser("lab")
    lab.add_argument("--host", default="127.0.0.1", help="what to listen on")
    lab.add_argument("--port", type=int, help="that port or none; by default 8888 or the next free")
    lab.add_argument("options", nargs="*", help="JupyterLab's own, after --")
    names = "report leaps gate seal pdf example dataset train network status plan power slurm evaluate serve check audit grader-check"
    for name in (*names.split(), "publish"):
        command = commands.add_parser(name)
        command.add_argument("params", help="a params file, such as params/quickstart.yaml")
        if name == "report":
            so_far = "report what the evaluation has so far, and wait for nothing"
            command.add_argument("--partial", action="store_true", help=so_far)
        if name == "power":
            command.add_argument(
                "--questions", type=int, help="of each benchmark; counted by default"
            )
            command.add_argument("--rate", type=float, help="of right answers, about: 0 to 1")
            agree = "correlation of the two models' right answers over questions"
            command.add_argument("--correlation", type=float, default=0.5, help=agree)
            noise = "the share of an answer's variance that is sampling"
            command.add_argument("--sampling", type=float, default=0.3, help=noise)
            seeds = "standard deviation of the rates of trainings of one recipe, in points"
            command.add_argument("--seed-sd", type=float, help=seeds)
        if name in OF_GRADES:
            _grades_options(command, name)
        _machines_options(command, name)
    command.add_argument(
        "--what", default="dataset", help="dataset, model, predictions or judgements"
    )
    command.add_argument("--model", help="which model; the last one, where none is named")
    command.add_argument("--push", action="store_true", help="upload the folder to the hub")
    command.add_argument("--repo", help="the hub's repository: owner/name")
    command.add_argument("--public", action="store_true", help="a new repository is public")
    command.add_argument("--allow-unknown-licence", action="store_true", help="you may pass it on")
    return made


def _machines_options(command: argparse.ArgumentParser, name: str) -> None:
    if name == "serve":
        command.add_argument("--model", help="which, separated by commas; the base by default")
        command.add_argument("--host", default="127.0.0.1", help="what to listen on")
        command.add_argument("--port", type=int, default=8000, help="of the first server")
    if name == "slurm":
        whats = "training, evaluation, all"
        command.add_argument("--what", default="training", help=f"what it is for: {whats}")
    if name == "evaluate":
        group = command.add_mutually_exclusive_group(required=True)
        group.add_argument("--model", help="the model")
        group.add_argument(
            "--number", type=int, help="print the name of the model of this number, from 0"
        )
    if name in ("train", "network"):
        rank = "which machine this is: 0 (the first) and so on, or a variable that has the number"
        command.add_argument("--node-rank", default="0", help=rank)


def _grades_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument("--benchmark", help="which, where it is not that of the verdict, or all")
    if name == "audit":
        command.add_argument("--n", type=int, default=100, help="how many answers to label")
        command.add_argument("--labels", help="a file of labels to read, in place of drawing")
        command.add_argument("--show-questions", action="store_true", help="also withheld ones")


def node_rank_of(text: str) -> int:
    """The number of a machine, or that in the variable of this name. Raises `UserError` for anything else."""
    number = os.environ.get(text, text)
    if not number.isdecimal():
        raise UserError(
            f"NODE_RANK: {text!r} is neither a number nor a variable that is set to one"
        )
    return int(number)
