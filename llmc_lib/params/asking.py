"""How models are asked: the settings of a benchmark's completions, and of its judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmc_lib.errors import instead
from llmc_lib.params.common import PositiveInt, Samples, Section, Temperature

Style = Literal["brief", "official", "corrected"]
TokenLimit = PositiveInt | Literal["max"]
TopP = Annotated[float, Field(gt=0, le=1)]
TopK = Annotated[int, Field(ge=0, lt=2**31)]
MinP = Annotated[float, Field(ge=0, le=1)]
PresencePenalty = Annotated[float, Field(ge=-2, le=2)]
#: What goes before the prompt; "": nothing.
SystemPrompt = Annotated[str, Field(max_length=20_000)]
Plain = bool | int | float | Annotated[str, Field(max_length=1000)]

#: What `apply_chat_template` itself takes, beside the variables of a template: above all the template, which is code.
_NOT_OF_A_TEMPLATE = frozenset(
    "conversation messages tools documents chat_template add_generation_prompt continue_final_message tokenize padding "
    "truncation max_length return_tensors return_dict return_assistant_tokens_mask tokenizer_kwargs".split()
)


def check_template_kwargs(given: dict[str, Plain]) -> dict[str, Plain]:
    """`given`. Raises `ValueError` (key, problem) for what is no variable of a template."""
    for name in given:
        if not name.isidentifier() or name.startswith("_") or name in _NOT_OF_A_TEMPLATE:
            raise ValueError(
                "chat_template_kwargs",
                f"{name!r} is not a variable of a chat template that may be set; give one such as enable_thinking",
            )
    return given


class JudgeAskingParams(Section):
    """How the judge is asked about a benchmark, where that is not as in `evaluation.judge`."""

    system: SystemPrompt | None = None
    max_tokens: PositiveInt | None = None  # of a reply
    # Of the first try; a reply that is not in the required form is asked for again at 1.
    temperature: Temperature | None = None


class AskingParams(Section):
    """How a benchmark is asked, where that is not as in `evaluation`. One word is a setting by its name."""

    # A setting that the benchmark declares, such as "official"; the keys beside it take precedence.
    named: str | None = None
    prompt: Style | None = None
    system: SystemPrompt | None = None
    samples: Samples | None = None  # for all models
    max_tokens: TokenLimit | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    min_p: MinP | None = None
    presence_penalty: PresencePenalty | None = None
    chat_template_kwargs: dict[str, Plain] | None = None
    judge: JudgeAskingParams = JudgeAskingParams()

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        return {"named": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check(self) -> AskingParams:
        check_template_kwargs(self.chat_template_kwargs or {})
        return self

    def over(self, declared: Mapping[str, Mapping[str, Any]]) -> AskingParams:
        """With what its name stands for among the settings that a benchmark `declared`. Raises `ValueError` (key, problem)
        for a name that it has not."""
        if self.named is None:
            return self
        if self.named not in declared:
            known = ", ".join(declared) or "it declares none"
            hint = instead(self.named, declared, f"known: {known}")
            raise ValueError(
                "settings", f"{self.named!r} is not a setting of this benchmark; {hint}"
            )
        own = self.model_dump(exclude_none=True, exclude_defaults=True)
        values = {**declared[self.named], **own}
        judge = {**declared[self.named].get("judge", {}), **own.get("judge", {})}
        return AskingParams.model_validate({**values, "judge": judge})


@dataclass(frozen=True)
class Asking:
    """How a benchmark is asked in a run: every setting has its value."""

    prompt: Style
    system: str | None  # None: what the style of the prompt has
    samples: int  # unless a model has a number of its own
    max_tokens: int | Literal["max"]
    temperature: float
    top_p: float
    top_k: int  # 0: all tokens
    min_p: float
    presence_penalty: float
    chat_template_kwargs: Mapping[str, Plain]
    judge: JudgeAskingParams = field(default_factory=JudgeAskingParams)

    @property
    def sampling(self) -> dict[str, Any]:
        """What must be equal for two completions to be comparable. What is off is left out, as if it did not exist: answers
        of a time when there was no such setting are comparable too."""
        values = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
        }
        further = {
            "top_k": self.top_k,
            "min_p": self.min_p,
            "presence_penalty": self.presence_penalty,
            "chat_template_kwargs": dict(self.chat_template_kwargs),
        }
        return {**values, **{name: value for name, value in further.items() if value}}
