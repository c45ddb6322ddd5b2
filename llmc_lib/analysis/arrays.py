"""From the table of answers to the arrays that the functions of this package take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def column_arrays(answers: pd.DataFrame, column: str) -> dict[str, NDArray[Any]]:
    """A column of the answers to one benchmark as an array (questions × samples) for each model, samples of each its own.

    Parameters: `answers`, a row a (model, question_id, sample; without that column one sample each), as
    `llmc_lib.evaluation.results` and `notebook 4` have it. The questions are in the order in which they
    first occur, the same for all models; `categories` gives theirs.

    Raises `ValueError` for a column that is not there, for an answer that is there twice, and where a
    model lacks one (the table of results has a row also for an answer that is missing).
    """
    if column not in answers:
        raise ValueError(f"the answers have no column {column}")
    if answers.empty:
        raise ValueError("no answers")
    model, models = pd.factorize(answers["model"])
    question, ids = pd.factorize(answers["question_id"])
    sample, samples = (
        pd.factorize(answers["sample"], sort=True)
        if "sample" in answers
        else (np.zeros(len(answers), dtype=int), [0])
    )
    place = (model * len(ids) + question) * len(samples) + sample
    times = np.bincount(place, minlength=len(models) * len(ids) * len(samples))
    # Of a model with fewer samples the last ones are none that it lacks.
    asked = np.zeros(len(models), dtype=int)
    np.maximum.at(asked, model, sample + 1)
    wanted = np.broadcast_to(
        np.arange(len(samples)) < asked[:, None, None], (len(models), len(ids), len(samples))
    )
    if len(wrong := np.flatnonzero(times != wanted.ravel())):
        name, rest = divmod(int(wrong[0]), len(ids) * len(samples))
        id_, number = divmod(rest, len(samples))
        raise ValueError(
            f"{models[name]}, question {ids[id_]}, sample {samples[number]}: is "
            + ("there twice" if times[wrong[0]] else "not there")
        )
    values = answers[column].to_numpy()[np.argsort(place)]
    parts = np.split(values, np.cumsum(len(ids) * asked)[:-1])
    return {str(name): part.reshape(len(ids), -1) for name, part in zip(models, parts, strict=True)}


def token_arrays(answers: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The lengths of completions in tokens, NaN where none is known: a missing or failed answer has none,
    and an imported file that says nothing of lengths gives 0."""
    return {
        name: np.where(tokens.astype(float) > 0, tokens.astype(float), np.nan)
        for name, tokens in column_arrays(answers, "completion_tokens").items()
    }
