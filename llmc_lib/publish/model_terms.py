"""The licence of a fine-tuned model: that of its base, and what the licences of its data ask beside it.

Whether the licence of a text binds a model that was trained on it is not settled. Card and upload keep to
the cautious reading, that it does, and the card says so.
"""

from __future__ import annotations

from llmc_lib.dataset.card.licences import Terms, conditions_of, terms
from llmc_lib.dataset.card.markdown import plain_text

_OF_BASE = {
    "forbidden": "**Not to be published.** The base model is under {names}, which does not allow "
    "sharing changed versions.",
    "unknown": "**Licence of the base model unknown.** It is not stated, or not known to the program that "
    "wrote this card ({names}): read it before the model is used or passed on.",
    "non-commercial": "**Not for commercial use.** The base model is under {names}, which allows "
    "non-commercial use alone.",
    "share alike": "**Share alike.** The base model is under {names}: what is made from it may be passed on "
    "only under the same licence.",
}
_OF_DATA = {
    "forbidden": "**Trained on rows whose changed versions may not be shared.** {rows} come under {names}.",
    "unknown": "**Trained on rows of unknown licence.** {rows} come under a licence that is not stated or "
    "not known to the program that wrote this card ({names}): nothing here says that a model trained on "
    "them may be used or passed on.",
    "non-commercial": "**Not for commercial use.** {rows} that the model was trained on come under {names}, "
    "which allows non-commercial use alone.",
    "share alike": "**Share alike.** {rows} that the model was trained on come under {names}: what is made "
    "from them may be passed on only under the same licence.",
}
_CAUTION = (
    "Whether the licence of training data binds a model is not settled; this card keeps to the cautious "
    "reading, that it does."
)


def model_terms(base: str, rows: dict[str, int]) -> Terms:
    """The terms of a model; `base`: the licence of its base; `rows`: licence → rows trained on.

    A licence of data that asks for nothing beyond naming it leaves the base's licence as it is.
    """
    bound = {name: n for name, n in rows.items() if n > 0 and conditions_of(name)}
    held = terms({base: 1, **bound})
    notices = [
        text.format(names=plain_text(base))
        for condition, text in _OF_BASE.items()
        if condition in conditions_of(base)
    ]
    of_data = []
    for condition, text in _OF_DATA.items():
        names = [name for name in sorted(bound) if condition in conditions_of(name)]
        if names:
            count = sum(bound[name] for name in names)
            listed = ", ".join(plain_text(name) for name in names)
            of_data.append(
                text.format(names=listed, rows=f"{count:,} of {sum(rows.values()):,} rows")
            )
    if of_data:
        of_data[-1] += f" {_CAUTION}"
    return Terms(held.licence, held.name, (*notices, *of_data), held.forbidden, held.unknown)
