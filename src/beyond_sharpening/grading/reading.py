r"""Which answer a text gives: the last one that it states outside its thinking.

An answer is stated in a box, in ``<answer>`` tags, behind ``####``, or behind words that introduce it; a text that
states none answers with what it ends with. What is denied, supposed or taken back is not stated.
"""

import re

from beyond_sharpening.grading.boxes import boxed_answer, breaks_off_in_a_box
from beyond_sharpening.grading.canonical import number
from beyond_sharpening.grading.endings import ending
from beyond_sharpening.grading.statements import hashed, last_statement, takes_back

_THOUGHT = re.compile(r"</(?:think|thinking|thought|reasoning)>")
_UNFINISHED_THOUGHT = re.compile(r"<(?:think|thinking|thought|reasoning)>.*", re.DOTALL)
_END = re.compile(r"<\|(?:im_end|eot_id|endoftext|end_of_text|end)\|>|</s>|<｜end▁of▁sentence｜>")
_ANSWERS_FOR_A_BOX = re.compile(r"[\d\\]|^\(?[A-H]\)?$")  # not a yes or no to a remark
_NEXT_PROBLEM = re.compile(r"^[ \t]*(?:Problem|Question|Q) ?\d*:", re.MULTILINE)
_DENIED_BOX = re.compile(
    r"(?i)(?:(?:,|\b(?:is|are|was|were|be|equals?))\s+not|\b(?:is|are|was|were)n['’]t"
    r"|\b(?:if|suppose|assume|imagine)\s+(?:that\s+)?(?:it|this|the answer)\s+(?:is|was|were))"
    r"\s+[\s$(\[\\]*\\(?:boxed|fbox)\{(?:[^{}]|\{[^{}]*\})*\}"
)
_LONGEST_NUMBER = 200
_CLOSING = " \t\r\n$.*}\\])"


def marked_answer(text: str) -> str | None:
    r"""Return the answer that a reference solution marks as its own, or None where it marks none.

    It is the last box that holds something, together with the boxes that are one answer with it
    (``$\boxed{1}$ and $\boxed{2}$`` is ``1, 2``); without a box, what follows the last ``####``.
    """
    marked = boxed_answer(text) or hashed(text)
    return marked and marked.answer


def stated_answer(text: str) -> str | None:
    """Return the answer that a completion states, or None where it states none.

    It is the last that stands in a box, in ``<answer>`` tags, behind ``####`` or behind words that introduce it; where
    nothing does, the number or formula that the text ends with. What stands in thinking, finished or not, does not
    count; nor does a statement that the text then takes back.
    """
    text = _presented(text)
    box = boxed_answer(text)
    if box and not text[box.end :].strip(_CLOSING):
        return box.answer  # most texts end with their box
    said = last_statement(text, box.end if box else 0)
    stated = box if box and said and not _ANSWERS_FOR_A_BOX.search(said.answer) else said or box
    if stated is not None:
        behind = text[stated.end :]
        return ending(behind) if takes_back(behind) else stated.answer
    if len(text) <= _LONGEST_NUMBER and number(text) is not None:
        return text
    return None if breaks_off_in_a_box(text) else ending(text)


def _presented(text: str) -> str:
    """What the text presents: no thinking, no box that it denies, nothing behind its end, no next problem."""
    if "box" in text:
        text = _DENIED_BOX.sub("", text)
    if "<" in text:
        text = _UNFINISHED_THOUGHT.sub("", _THOUGHT.split(text)[-1])
        text = _END.split(text, maxsplit=1)[0]
    following = _NEXT_PROBLEM.search(text) if "\nProblem" in text or "\nQ" in text or "\n " in text else None
    if following and (boxed_answer(text[: following.start()]) or last_statement(text[: following.start()])):
        return text[: following.start()]
    return text
