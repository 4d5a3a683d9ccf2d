"""What the engine says of a query that it cannot finish, in the words of the language.

The engine speaks of its own types and functions (`Conversion Error: ... INT32`), which nobody who writes KQL has met. Whatever it
says is told as what it means for the query; none of it is a value, as the service's is not published.
"""

from __future__ import annotations

import re

from lurcher.errors import LurcherError, shown

#: How RE2 begins what it says of a pattern that is none.
_OF_REGEX = re.compile(
    r"(?:invalid perl operator|missing [)\]]|missing closing|missing arg|unexpected \)|no argument for rep|bad rep"
    r"|invalid (?:escape|character class|named capture|UTF-8|repetition)|trailing \\|pattern too large|bad named).*",
    re.DOTALL,
)
#: `Conversion Error: `, `Out of Range Error: `, ...
_CLASS = re.compile(r"^(?:[A-Z][A-Za-z]*(?: [A-Za-z]+)* Error: )+")
#: Characters of what is told.
_MOST = 300
_NO_NUMBER = "a number is too large, or none, where a whole number is computed"
_TIME = re.compile(r"timestamp|\bdate\b|interval|year", re.IGNORECASE)


def _short(text: str) -> str:
    """A value of the rows may be in it, and as long as it likes."""
    return shown(text, _MOST)


def too_much() -> LurcherError:
    return LurcherError(
        "the query needs more memory than it may use", "narrow it, or give it more: --memory-limit SIZE"
    )


def beyond_the_calendar() -> LurcherError:
    return LurcherError(
        "a time before the year 1 or after 9999: what the service makes of it is not published",
        "leave such rows out before the arithmetic",
        kind="unsupported",
    )


def failure(error: Exception) -> LurcherError:
    """What the engine says, as a sentence (once rows have come, it says it as an OSError). What was read so far is no answer."""
    import duckdb

    text = str(error).split("\n\n")[0].strip().removeprefix("Invalid Input Error: ")
    refused = text.partition("LurcherError: ")[2]
    if refused:
        # A vectorised function refuses a value (as series_outliers() does); only its text comes through the engine.
        message, _, hint = refused.partition("\n  hint: ")
        return LurcherError(_short(message), hint, kind="unsupported")
    if isinstance(error, duckdb.OutOfMemoryException):
        return too_much()
    if (found := _number(error, text)) is not None:
        return found
    if isinstance(error, duckdb.BinderException) and "quantile" in text.lower():
        return LurcherError("a percentile is a number from 0 to 100", kind="unsupported")
    if isinstance(error, duckdb.BinderException) and "must be a constant" in text:
        return LurcherError("an argument that must be a constant is computed from rows here", kind="unsupported")
    if "ORDER BY non-integer literal" in text:
        return LurcherError("rows are sorted by a constant", "leave that key out", kind="unsupported")
    if "interval cannot be 0" in text:
        return LurcherError("a step must not be 0 (a microsecond is the least)", kind="unsupported")
    if "Unknown TimeZone" in text:
        zone = _short(text.partition("Unknown TimeZone ")[2].split("!")[0])
        return LurcherError(f"there is no time zone {zone}", "write it as 'Europe/Paris'", kind="unsupported")
    if (said := _OF_REGEX.match(text)) is not None:
        hint = "KQL's (RE2) have no references to groups, and no looks ahead or behind"
        return LurcherError(f"a regular expression is none: {_short(said[0])}", hint, kind="unsupported")
    if isinstance(error, duckdb.IOException):
        return LurcherError(f"a file cannot be read: {text.removeprefix('IO Error: ')}")
    return LurcherError(f"the query failed: {_short(_CLASS.sub('', text))}")


def _number(error: Exception, text: str) -> LurcherError | None:
    """A number that has no place: in a long, in a decimal, in the calendar, in what memory there is."""
    import duckdb

    if "Lists larger than" in text or "list larger than" in text or "string size" in text.lower():
        return LurcherError("an array or a text is larger than may be made", "ask for fewer", kind="unsupported")
    if (point := re.search(r"UTF8 Codepoint (-?\d+)", text)) is not None:
        return LurcherError(f"there is no character of the code point {point[1]}", kind="unsupported")
    if "Invalid replacement string" in text:
        hint = "a backslash is written twice in it, or stands before the number of a group"
        return LurcherError("the replacement of a regular expression is none", hint, kind="unsupported")
    # Once rows have come, an error has no class any more: its text begins with it.
    converting = isinstance(error, duckdb.ConversionException) or "Conversion Error" in text
    ranging = isinstance(error, duckdb.OutOfRangeException) or "Out of Range Error" in text
    if not converting and not ranging:
        return None
    if "DECIMAL" in text or "decimal value" in text:
        return LurcherError(
            "a number does not fit into decimal, which has 20 digits before the point here",
            "use toreal(x)",
            kind="unsupported",
        )
    if "cast value to numerical" in text:
        return LurcherError(
            "a dynamic value, or an element of one, is no such number as is asked for", kind="unsupported"
        )
    if "INT128" in text and converting:
        return LurcherError("a sum is larger than a long", "sum reals instead: sum(toreal(x))", kind="unsupported")
    if _TIME.search(text):
        return beyond_the_calendar()
    return LurcherError(_NO_NUMBER, "leave such rows out, or compute with reals: toreal(x)", kind="unsupported")
