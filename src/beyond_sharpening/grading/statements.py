r"""What the words of a text answer: behind ``####``, in ``<answer>`` tags, or behind words that introduce it."""

import re
from typing import NamedTuple

from beyond_sharpening.grading.shapes import leading_value, whole_value

_VERB = r"\b(?:is|are|was|equals|becomes|(?:should|must|will|would|has to) be|comes to|est|es|ist|lautet|sind)\b"
_FILLERS = (
    "therefore|thus|then|indeed|simply|just|approximately|about|roughly|exactly|now|hence|clearly|equal to|given by"
    "|option|choice"
)
_LINK = (  # between the word and the answer: a verb, a colon or a line's end, and words that add nothing
    rf"(?:[\s*_`#]*(?:[:：=]|{_VERB})|[*_`#]*\s*\n)(?:\s+(?:{_FILLERS})\b)*[\s*_`:：=]*"
)
_WORD = r"\b(?:(?:final\s+)?answers?|ans\.?|(?:option|choice)(?=\s+is\b)|réponse|respuesta|antwort)"
_INTRODUCED = re.compile(
    rf"(?i:{_WORD}(?:\s+(?:to|for)\s[^.\n]{{1,60}}?)?{_LINK}|\bfinal answer\s+"
    r"|(?:答案|结果|故选|应选)[是为：:应该\s]*[\s*]*|\b(?:it|that|this)\s+should\s+(?:really\s+|actually\s+)?be\s+)"
)
_HASHES = re.compile(r"####[ \t]*")
_HEADING = re.compile(r"\s[A-Z][a-z]")
_TAGGED = re.compile(r"<answer>(?P<content>(?:(?!<answer>).)*?)</answer>", re.DOTALL | re.IGNORECASE)
_LONGEST = 400  # characters of a statement, or of a clause before it
_MOST_TRIED = 50  # statements from the end

_CLAUSE = re.compile(r"[.!?;:,](?=\s)|[\n。，；：]")
_SENTENCE = re.compile(r"[.!?](?=\s)|[\n。]")
# A clause with one of these denies, doubts, supposes or asks.
_UNSTATED = re.compile(
    r"(?i)(?<!\w)(?:if|suppose|supposing|assume|assuming|let|imagine|unless|whether|pretend|doubt|never|cannot|wrong"
    r"|incorrect|not(?! (?:hard|difficult|only))|[a-z]+n['’]t|(?:might|may|could) (?:be|think|guess|say|expect|believe)"
    r"|would (?:think|guess|expect)|need|find|asks?|asked|check|verify|confirm)(?!\w)"
)
_SUPPOSED = re.compile(r"(?i)\b(?:if|were|had|suppose|assume|would have)\b")
_TAKEN_BACK = re.compile(
    r"(?i)\b(?:that|this|it)(?:['’]s|\s+is|\s+was)(?:\s+(?!not\b)\w+)?\s+"
    r"(?:wrong|incorrect|mistaken|an? (?:mistake|error))\b"
    r"|\b(?:that|this|it)(?:['’]s\s+not|\s+(?:is|was)(?:\s+not|n['’]t)|\s+can(?:['’]t|not)\s+be)\s+(?:quite\s+)?(?:right|correct)\b"
    r"|\bI (?:made|have made|see) an? (?:\w+ )?(?:mistake|error)\b"
)


class Statement(NamedTuple):
    """Where a statement begins and ends in a text, and what it answers."""

    start: int
    end: int
    answer: str


def last_statement(text: str, start: int = 0) -> Statement | None:
    r"""Return the last statement of an answer from a position on, or None.

    A statement is what stands in ``<answer>`` tags, a value behind ``####``, or one behind words that introduce it
    (``The answer is 7``, ``**Answer:** 7``, ``答案是7``). One that is denied, doubted or supposed is none.
    """
    found = (_tagged(text, start), hashed(text, start), _introduced(text, start))
    return max((statement for statement in found if statement), default=None)


def hashed(text: str, start: int = 0) -> Statement | None:
    """Return the last value behind ``####``; a heading of Markdown is none."""
    for marks in reversed(list(_HASHES.finditer(text, start))[-_MOST_TRIED:]):
        line = text[marks.end() : marks.end() + _LONGEST].partition("\n")[0]
        value = whole_value(line)
        if value is not None and not _HEADING.search(line):
            return Statement(marks.start(), marks.end() + len(line), value)
    return None


def takes_back(text: str) -> bool:
    """Whether a text says that what was stated before it is wrong."""
    return bool(_TAKEN_BACK.search(text))


def unstated_at_the_end(text: str) -> bool:
    """Whether the sentence that a text breaks off in denies, doubts, supposes, asks, or introduces another answer."""
    sentence = _SENTENCE.split(text)[-1]
    return bool(_UNSTATED.search(sentence) or _INTRODUCED.search(sentence))


def _tagged(text: str, start: int) -> Statement | None:
    tags = [tag for tag in _TAGGED.finditer(text, start) if tag["content"].strip()]
    return Statement(tags[-1].start(), tags[-1].end(), tags[-1]["content"].strip()) if tags else None


def _introduced(text: str, start: int) -> Statement | None:
    for words in reversed(list(_INTRODUCED.finditer(text, start))[-_MOST_TRIED:]):
        before = text[max(start, words.start() - _LONGEST) : words.start()]
        supposed = "would" in words[0] and _SUPPOSED.search(_SENTENCE.split(before)[-1])
        if supposed or _UNSTATED.search(_CLAUSE.split(before)[-1]):
            continue
        if (value := leading_value(text[words.end() : words.end() + _LONGEST])) is not None:
            return Statement(words.start(), words.end() + len(value), value)
    return None
