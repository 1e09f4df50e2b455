"""Where problems come from: generators, local files and hub data sets, and how their columns are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from beyond_sharpening.parameters.block import Strict
from beyond_sharpening.parameters.gym import ReasoningGymSource

AtHome = Annotated[Path, AfterValidator(Path.expanduser)]
"""A file, in which ``~`` is the home folder."""

GoldReader = Literal[
    "verbatim", "boxed", "after_hashes", "first_of_list", "any_of_list", "json", "tests", "instructions"
]


class Amendment(BaseModel):
    """A gold answer that the data set does not state as a reader finds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=1, description="Text that stands in this question alone.")]
    gold: Annotated[str | None, Field(description="The one gold answer.")] = None
    any_of: Annotated[list[str], Field(description="Or the several acceptable ones.")] = []

    @model_validator(mode="after")
    def _gives_one_or_several(self) -> Self:
        if (len(self.any_of) < 2) if self.gold is None else self.any_of:
            raise ValueError("give gold, or two or more under any_of")
        return self


class ColumnMapping(BaseModel):
    """Which columns of a data set hold what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(description="Column with the question.")] = "question"
    gold: Annotated[str, Field(description="Column with the gold answer, or with the solution that holds it.")] = (
        "answer"
    )
    gold_reader: Annotated[
        GoldReader,
        Field(
            description="How the gold answer is read from its column: as it stands (verbatim), from the last "
            r"\boxed{} and those joined to it (boxed), after the last '#### ' (after_hashes), as the first element "
            "(first_of_list) or any element (any_of_list) of a list, whatever stands there as JSON (json), "
            "unit tests in the columns of HumanEval or MBPP (tests), or instructions in those of IFEval (instructions)."
        ),
    ] = "verbatim"
    unit: Annotated[str | None, Field(description="Column with the unit of the gold answer, where it has one.")] = None
    tolerance: Annotated[
        str | None, Field(description="Column with how far from the gold answer a number may be, where it may.")
    ] = None
    alternatives: Annotated[
        str | None, Field(description="Text between acceptable answers in the gold column; none where there is one.")
    ] = None
    rounded: Annotated[
        bool,
        Field(
            description="Whether golds are rounded: one with a decimal point or exponent and two digits or more then "
            "accepts what rounds to it, to half a unit of its last place."
        ),
    ] = False
    choices: Annotated[
        str | list[str] | None,
        Field(
            description="Column with the list of options, or the columns with one each. They are put below the "
            "question with letters; the gold becomes a letter.",
            exclude_if=lambda value: value is None,
        ),
    ] = None
    difficulty: Annotated[str | None, Field(description="Column with the difficulty; none leaves it empty.")] = None
    id: Annotated[str | None, Field(description="Column with a unique id; none takes the row number, from 0.")] = None
    others: Annotated[
        list[str],
        Field(
            description="Further columns, for a grader that asks for them by name.",
            exclude_if=lambda value: not value,
        ),
    ] = []


class GeneratorSource(BaseModel):
    """Procedurally generated problems: arithmetic chains from reasoning_gym."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[Literal["generator"], Field(description="Problems are generated.")]
    generator: Annotated[Literal["chain_sum"], Field(description="The reasoning_gym task.")] = "chain_sum"
    min_terms: Annotated[int, Field(ge=2, description="Fewest terms in a chain.")]
    max_terms: Annotated[int, Field(ge=2, description="Most terms in a chain.")]
    digits: Annotated[int, Field(ge=1, description="Digits of every term.")] = 1
    brackets: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Share of chains with brackets behind a minus, worth something else without them.",
            exclude_if=lambda value: value == 0,
        ),
    ] = 0.0
    size: Annotated[int, Field(ge=1, description="How many different problems to generate.")]

    @model_validator(mode="after")
    def _terms_are_a_range(self) -> Self:
        if self.max_terms < self.min_terms:
            raise ValueError(f"max_terms={self.max_terms} is below min_terms={self.min_terms}")
        if self.brackets and self.min_terms < 3:
            raise ValueError(f"brackets={self.brackets:g} needs min_terms of 3 or more: they hold the second and third")
        return self


QuestionKind = Literal["word_sum", "word_difference", "largest", "three_terms"]


class QuestionsSource(Strict):
    """Short questions in words with one number as their answer, for small language models."""

    type: Annotated[Literal["questions"], Field(description="Short questions are generated.")]
    kinds: Annotated[
        list[QuestionKind], Field(min_length=1, description="What is asked; each kind has an equal share.")
    ]
    largest_term: Annotated[int, Field(ge=2, le=999, description="Numbers in a question run from 1 to this.")] = 9
    size: Annotated[int, Field(ge=1, description="How many different questions to generate.")]


class DataSource(BaseModel):
    """Problems from the rows of a data set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Annotated[ColumnMapping, Field(description="Which columns hold what.")] = ColumnMapping()
    amendments: Annotated[
        list[Amendment], Field(description="Gold answers that the columns do not give as a reader finds them.")
    ] = []
    licence: Annotated[str | None, Field(description="Licence of the data; none where none is stated.")] = None
    paper: Annotated[str | None, Field(description="Where the data were published.")] = None


class LocalSource(DataSource):
    """Problems from files of JSON lines or comma-separated values."""

    type: Annotated[Literal["local"], Field(description="Problems are read from files.")]
    path: Annotated[
        AtHome | Annotated[list[AtHome], Field(min_length=1)],
        Field(description="One or more files, .jsonl or .csv, packed (.gz) or not, read in order."),
    ]


class HubSource(DataSource):
    """Problems from a data set of the Hugging Face hub."""

    type: Annotated[Literal["hub"], Field(description="Problems come from the Hugging Face hub.")]
    path: Annotated[str, Field(description="The data set's id on the hub.")]
    name: Annotated[str | None, Field(description="The data set's configuration; none takes its only one.")] = None
    split: Annotated[str, Field(description="The data set's split.")]
    revision: Annotated[str | None, Field(description="Branch, tag or commit; pin a commit to reproduce.")] = None
    file: Annotated[
        Path | None,
        Field(description="Name of its copy as JSON lines, read instead where benchmark_files is a folder."),
    ] = None


Source = Annotated[
    GeneratorSource | QuestionsSource | ReasoningGymSource | LocalSource | HubSource, Field(discriminator="type")
]
