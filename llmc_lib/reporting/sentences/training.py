"""What the log of a training shows: titles and sentences of the findings of `training.diagnosis`."""

from __future__ import annotations

from llmc_lib.language import N_, plural, tr
from llmc_lib.training.diagnosis import Finding

_TITLES = {
    "not finite": N_("The loss is not a number"),
    "diverging": N_("Diverging"),
    "gradient": N_("Exploding gradient"),
    "overfitting": N_("Overfitting"),
    "no learning": N_("No learning"),
    "reward alone": N_("More reward, no more right answers"),
    "length collapse": N_("Completions collapse to a few words"),
    "entropy collapse": N_("The entropy collapses"),
    "no variance": N_("Most groups teach nothing"),
    "truncation": N_("More and more completions are cut"),
    "silence": N_("The penalty is met by saying nothing"),
    "chosen falls": N_("The chosen responses become less likely too"),
    "no gain": N_("No gain in reward"),
    "rewarded": N_("Looks right"),
    "spikes": N_("Spikes"),
    "still falling": N_("Cut off while the loss was falling"),
    "too short": N_("Too short to judge"),
    "open": N_("Nothing looks wrong"),
    "fine": N_("Looks right"),
}
_RATE = N_("A lower learning rate or a longer warm-up helps.")
_STEPS = N_(
    "A higher learning rate or more steps help; check also that the weights are trained at all."
)
_FINITE = N_("A lower learning rate, a longer warm-up or float32 may help.")
_HACKED = N_(
    "Read completions of the last steps: what they do for the reward is not what is asked. The evaluation decides."
)
_BOTH_FALL = N_(
    "The reward of the chosen responses goes from {first:.2f} in the first {size} steps to {last:.2f} in the last, that of the "
    "rejected ones from {rejected_first:.2f} to {rejected_last:.2f}: the margin rises because both fall. What became likelier "
    "is neither of them."
)
#: Kind and case → what is said, sentence by sentence.
_SENTENCES: dict[tuple[str, str], tuple[str, ...]] = {
    ("not finite", "training loss"): (
        N_("The training loss is not a finite number at step {step:,}"),
        _FINITE,
    ),
    ("not finite", "validation loss"): (
        N_("The validation loss is not a finite number at step {step:,}"),
        _FINITE,
    ),
    ("not finite", "gradient norm"): (
        N_("The gradient norm is not a finite number at step {step:,}"),
        _FINITE,
    ),
    ("diverging", "training"): (
        N_(
            "Training loss had come down to {lowest:.2f} by step {step} (mean of {size} steps) and is {last:.2f} over the "
            "last {size}; its noise from step to step is {noise:.2f}."
        ),
        _RATE,
    ),
    ("diverging", "validation"): (
        N_(
            "Validation loss rises from {first:.2f} to {last:.2f}, and training loss does not fall."
        ),
        _RATE,
    ),
    ("diverging", "one step"): (
        N_("Validation loss rises from {first:.2f} to {last:.2f} in one step."),
        _RATE,
    ),
    ("gradient", ""): (
        N_(
            "The gradient norm is {last:.3g} over the last {size} steps and was {usual:.3g} before (medians). A lower "
            "learning rate helps."
        ),
    ),
    ("overfitting", "at once"): (
        N_(
            "Validation loss only rises, from {lowest:.2f} before training to {last:.2f}, while training loss falls: what "
            "the examples teach does not carry over to those held out. More or other data help, or a lower learning rate."
        ),
    ),
    ("overfitting", "later"): (
        N_(
            "Validation loss is lowest there ({lowest:.2f}) and {last:.2f} at the end, while training loss keeps falling. "
            "Fewer epochs, a lower learning rate or more data help; a model saved near the lowest point may be the better "
            "one."
        ),
    ),
    ("no learning", "validation"): (
        N_(
            "Validation loss was {before:.3f} before training and is {lowest:.3f} at its lowest; training loss does not "
            "fall beyond its noise either ({first:.2f} in the first {size} steps, {last:.2f} in the last)."
        ),
        _STEPS,
    ),
    ("no learning", "training"): (
        N_(
            "Training loss is {first:.3f} in the first {size} steps and {last:.3f} in the last; with a noise of "
            "{noise:.2g} from step to step, a fall of {worth:.0%} would have shown."
        ),
        _STEPS,
    ),
    ("still falling", "validation"): (
        N_(
            "Validation loss still falls at the end, from {before:.2f} at step {step} to {last:.2f}: more epochs or more "
            "data would most likely lower it further."
        ),
    ),
    ("still falling", "training"): (
        N_(
            "Training loss still falls at the end, from {before:.2f} in the third quarter of the training to {last:.2f}: "
            "more epochs or more data would most likely lower it further."
        ),
    ),
    ("too short", "nothing"): (N_("No step was logged."),),
    ("reward alone", "held out"): (
        N_(
            "The reward rises from {first:.2f} in the first {size} steps to {last:.2f} in the last, while the share of right "
            "answers on held-out prompts goes from {before:.0%} to {after:.0%}."
        ),
        _HACKED,
    ),
    ("reward alone", "training"): (
        N_(
            "The reward rises from {first:.2f} in the first {size} steps to {last:.2f} in the last, while the share of right "
            "answers goes from {before:.0%} to {after:.0%}: the other rewards pay for something else."
        ),
        _HACKED,
    ),
    ("length collapse", ""): (
        N_(
            "Completions had {first:.0f} tokens in the first {size} steps and have {last:.0f} in the last. Lower the weight "
            "of length or claims, or give a floor (rewards.claims_penalty.at_least)."
        ),
    ),
    ("entropy collapse", ""): (
        N_(
            "The entropy of a token was {first:.2f} nats in the first {size} steps and is {last:.2f} in the last: the model "
            "samples nearly the same completion each time, and there is little left to choose from. A lower learning rate, "
            "fewer steps, a higher temperature, or a higher upper clipping bound (epsilon_high) help."
        ),
    ),
    ("no variance", ""): (
        N_(
            "In {share:.0%} of the groups of the last {size:.0f} steps all completions have the same reward, and nothing is "
            "learnt from them. Larger groups or other prompts help."
        ),
    ),
    ("no variance", "hard"): (
        N_(
            "In {share:.0%} of the groups of the last {size:.0f} steps all completions have the same reward: in {wrong:.0%} all "
            "are wrong, in {right:.0%} all right. The prompts are too hard for this model: start from one that was "
            "fine-tuned on them, take easier ones (dataset.difficulty), or larger groups."
        ),
    ),
    ("no variance", "easy"): (
        N_(
            "In {share:.0%} of the groups of the last {size:.0f} steps all completions have the same reward: in {right:.0%} all "
            "are right, in {wrong:.0%} all wrong. The prompts have become too easy: take harder ones (dataset.difficulty), or "
            "stop here."
        ),
    ),
    ("no variance", "both"): (
        N_(
            "In {share:.0%} of the groups of the last {size:.0f} steps all completions have the same reward: in {right:.0%} all "
            "are right, in {wrong:.0%} all wrong. Take prompts of a middle difficulty (dataset.difficulty), or larger groups."
        ),
    ),
    ("truncation", ""): (
        N_(
            "{first:.0%} of the completions were cut at the token limit in the first {size} steps, and {last:.0%} are in the "
            "last. A cut one counts as wrong: raise max_completion_length, or give form or length a weight."
        ),
    ),
    ("silence", ""): (
        N_(
            "The penalty for false claims goes from {before:.2f} to {after:.2f}, but the model states {last:.1f} claims in "
            "1,000 tokens where it stated {first:.1f} in the first {size} steps. Give a floor "
            "(rewards.claims_penalty.at_least), or count by share."
        ),
    ),
    ("chosen falls", ""): (
        _BOTH_FALL,
        N_(
            "Read answers; a weight of fine-tuning on the chosen response (dpo.sft_weight), a larger beta or a lower learning "
            "rate hold it up."
        ),
    ),
    ("chosen falls", "odds"): (
        _BOTH_FALL,
        N_("Read answers; a smaller beta or a lower learning rate hold it up."),
    ),
    ("no gain", "flat"): (
        N_(
            "The reward is {first:.2f} in the first {size} steps and {last:.2f} in the last, which prompts of different "
            "difficulty could also do (standard error {noise:.2f}). More steps or a higher learning rate may help."
        ),
    ),
    ("no gain", "falls"): (
        N_(
            "The reward falls, from {first:.2f} in the first {size} steps to {last:.2f} in the last. A lower learning rate helps."
        ),
    ),
    ("rewarded", ""): (
        N_(
            "The reward rises from {first:.2f} in the first {size} steps to {last:.2f} in the last."
        ),
    ),
    ("rewarded", "held out"): (
        N_(
            "The reward rises from {first:.2f} in the first {size} steps to {last:.2f} in the last; the share of right answers "
            "on held-out prompts goes from {before:.0%} to {after:.0%}."
        ),
    ),
}


def kind_title(kind: str) -> str:
    """What a kind of finding is called."""
    return tr(_TITLES[kind])


def finding_title(finding: Finding) -> str:
    """What was found, and after which epoch and step where that is known: "Overfitting after epoch 1 (step 10)"."""
    title = kind_title(finding.kind)
    if (finding.kind, finding.case) != ("overfitting", "later"):
        return title
    return tr("{finding} after {place}", finding=title, place=_place(finding))


def finding_sentence(finding: Finding) -> str:
    """What was found, with its numbers, and what helps."""
    numbers = finding.numbers
    if finding.kind in ("fine", "open"):
        return _what_losses_did(finding)
    if finding.kind == "spikes":
        return plural(
            "{n} step has a loss far above the steps around; the highest is {loss:.2f} at step {step}, where {usual:.2f} is "
            "usual.",
            "{n} steps have a loss far above the steps around; the highest is {loss:.2f} at step {step}, where {usual:.2f} "
            "is usual.",
            int(numbers["spikes"]), **numbers,
        )  # fmt: skip
    if finding.case == "rewards":
        return plural(
            "{n} logged step is too few to tell a trend of the reward from the differences between prompts.",
            "{n} logged steps are too few to tell a trend of the reward from the differences between prompts.",
            int(numbers["steps"]),
        )
    if finding.case == "few":
        return plural(
            "{n} logged step is too few to tell a trend of the training loss from the differences between batches.",
            "{n} logged steps are too few to tell a trend of the training loss from the differences between batches.",
            int(numbers["steps"]),
        )
    first, *others = (tr(text, **numbers) for text in _SENTENCES[finding.kind, finding.case])
    if finding.kind == "not finite":
        if "before" in numbers:
            first += "; " + tr("before it, the loss was {before:.3g}", before=numbers["before"])
        first += "."
    return " ".join([first, *others])


def _what_losses_did(finding: Finding) -> str:
    numbers = finding.numbers
    parts = []
    if "noise" in numbers:
        parts.append(
            tr(
                "training loss falls from {first:.2f} in the first {size} steps to {last:.2f} in the last",
                **numbers,
            )
            if numbers["clear"]
            else tr(
                "training loss goes from {first:.2f} in the first {size} steps to {last:.2f} in the last, which its noise "
                "({noise:.2f} from step to step) could also do",
                **numbers,
            )
        )
    if "eval_first" in numbers:
        first, last, lowest = (numbers[f"eval_{name}"] for name in ("first", "last", "lowest"))
        losses = (
            tr("validation loss falls from {first:.2f} to {last:.2f}", first=first, last=last)
            if last < first
            else tr("validation loss goes from {first:.2f} to {last:.2f}", first=first, last=last)
        )
        if finding.case == "lowest last":
            losses = tr("{losses}, its lowest", losses=losses)
        elif finding.case == "lowest between":
            between = tr(
                "lowest is {lowest:.2f} after {place}", lowest=lowest, place=_place(finding)
            )
            losses = f"{losses}; {between}"
        parts.append(losses)
    if "gradient" in numbers:
        parts.append(
            tr(
                "the gradient norm is at most {times:.1f} times its median",
                times=numbers["gradient"],
            )
        )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _place(finding: Finding) -> str:
    """ "epoch 1.5 (step 12)"; "step 12" where the epoch is not known."""
    step = int(finding.numbers["step"])
    if finding.epoch is None:
        return tr("step {step}", step=step)
    return tr("epoch {epoch:g} (step {step})", epoch=round(finding.epoch, 1), step=step)
