"""The last ``\\boxed{...}`` of a text."""

import re

_TOKEN = re.compile(r"(?P<box>\\(?:boxed|fbox)(?![A-Za-z])\s*)(?P<open>\{|(?P<bare>[^\s${}]+))?|\\.|\{|\}", re.DOTALL)


def last_boxed(text: str) -> str | None:
    """Return the content of the last ``\\boxed{...}`` (or ``\\fbox{...}``) with balanced braces.

    Of nested boxes the inner one counts. A box without braces (``\\boxed 2``) holds what follows up to the next
    space, dollar sign or brace. A box that never closes, as in a truncated completion, is no box.

    Args:
        text: a completion or a reference solution.

    Returns:
        The content without surrounding spaces (an empty box gives ``""``), or None without a box.
    """
    last: tuple[int, str] | None = None
    open_braces: list[int | None] = []  # for each open brace where its box's content starts, None for a plain brace
    for token in _TOKEN.finditer(text):
        found: tuple[int, str] | None = None
        if token["bare"]:
            found = token.start(), token["bare"].rstrip(".,;")
        elif token["open"]:
            open_braces.append(token.end())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces and (start := open_braces.pop()) is not None:
            found = start, text[start : token.start()]
        if found and (last is None or found[0] > last[0]):
            last = found
    return None if last is None else last[1].strip()
