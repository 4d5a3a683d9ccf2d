"""`externaldata (schema) [urls] with (...)`: rows that are fetched when the query runs, where the user allows it.

Text comes as columns of strings, json as dynamic, and the conversions of the language make the declared types, so that a cell that
does not convert is null. The formats are the documented ones (ingestion-supported-formats)."""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, resolve
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, LU002, LU008
from lurcher.kql.secrets import plain_url, public_url
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, near, project
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.supplies import supplies_of

T = ScalarType

#: How the rows of a format come: as text, as JSON, or in their types.
FORMATS = {
    "csv": T.STRING, "tsv": T.STRING, "psv": T.STRING, "scsv": T.STRING, "sohsv": T.STRING, "txt": T.STRING, "raw": T.STRING,
    "json": T.DYNAMIC, "multijson": T.DYNAMIC,
    "parquet": T.UNKNOWN,
}  # fmt: skip
#: Formats of the service that are not read.
_OTHERS = frozenset({"avro", "apacheavro", "orc", "w3clogfile", "tsve", "azmonstream", "singlejson", "sstream"})
_ENDINGS = {"jsonl": "json", "log": "w3clogfile"}


def externaldata(cx: Context, scope: Scope, node: sx.ExternalData, columns: tuple[Column, ...]) -> Rel:
    urls = [u for url in node.urls if (u := _url(cx, scope, url)) is not None]
    options = _options(cx, scope, node)
    if not node.urls or not columns:
        cx.refuse("externaldata without a URL" if not node.urls else "externaldata without columns", node.span)
    supplies = supplies_of(cx.catalog)
    for url in dict.fromkeys(urls):
        if not supplies.may_read(url):
            shown = public_url(url)
            hint = f"--allow-url {_prefix(shown)} fetches it, --map-url '{_one_line(url)}=FILE' reads a file of yours instead"
            cx.say(LU002, node.span, what=f"reading from a URL (externaldata: {shown})", hint=hint)
    format_ = str(options.get("format") or _format_of(cx, urls, node))
    if format_ not in FORMATS:
        written = near(format_, FORMATS, "there are")
        cx.refuse(f"externaldata of the format '{format_[:40]}'", node.span, written or "make it csv, json or parquet")
        format_ = "csv"
    stored = FORMATS[format_]
    given = tuple(Column(c.name, c.type if stored is T.UNKNOWN else stored) for c in columns)
    chosen = (("format", format_), ("ignorefirstrecord", bool(options.get("ignorefirstrecord"))))
    rel = Rel(n.Supplied(what="externaldata", names=tuple(urls), options=chosen, columns=given, span=node.span))
    if given == columns:
        return rel
    return project(rel, [(c.name, _cell(col(c.name, stored), c.type)) for c in columns], node.span)


def _cell(stored: n.Expr, type: ScalarType) -> n.Expr:
    if stored.type is T.STRING and type is T.DYNAMIC:
        # A text in a dynamic column is JSON; where it is none, it is a text.
        match = resolve(FunctionKind.SCALAR, "parse_json", (T.STRING,))
        assert isinstance(match, Match)
        return n.Call(type=T.DYNAMIC, function=match.overload, args=(stored,))
    return convert(stored, type)


def _url(cx: Context, scope: Scope, node: sx.Expression) -> str | None:
    expr = scalar(cx, Env(scope), node)
    text = _constant(expr)
    if text is not None or (isinstance(expr, n.Call) and expr.function.name == "parameter"):
        # A parameter of a function that nobody calls has no value, and needs none.
        return text
    if expr.type not in (T.STRING, T.UNKNOWN):
        cx.say(KS107, node.span, expected="string", actual=expr.type)
    elif expr.type is not T.UNKNOWN:
        cx.say(LU008, node.span, what="the URL of externaldata")
    return None


def _constant(expr: n.Expr) -> str | None:
    """A text, or texts that strcat() joins."""
    if isinstance(expr, n.Lit):
        return expr.value if isinstance(expr.value, str) else None
    if isinstance(expr, n.Call) and expr.function.name == "strcat":
        parts = [_constant(arg) for arg in expr.args]
        return None if None in parts else "".join(part or "" for part in parts)
    return None


def _options(cx: Context, scope: Scope, node: sx.ExternalData) -> dict[str, str | bool]:
    """The properties, their names without case (`ignoreFirstRecord`)."""
    found: dict[str, str | bool] = {}
    for name, value in node.properties:
        key = name.lower()
        text = _word(cx, scope, value)
        if key == "format" and isinstance(text, str) and text:
            found[key] = text.lower()
        elif key == "ignorefirstrecord" and (isinstance(text, bool) or str(text).lower() in ("true", "false")):
            found[key] = text if isinstance(text, bool) else text.lower() == "true"
        elif key == "ingestionmapping":
            cx.refuse("externaldata with an ingestionMapping", value.span, "name the columns as the file does")
        else:
            known = key in ("format", "ignorefirstrecord")
            what = f"this value of '{name}'" if known else f"the property '{name[:40]}'"
            cx.refuse(
                f"externaldata with {what}", value.span, "it takes format = a text, ignoreFirstRecord = true or false"
            )
    return found


def _word(cx: Context, scope: Scope, node: sx.Expression) -> str | bool:
    """A value of a property: a text, a bool, or a bare word (`format=csv`)."""
    if isinstance(node, sx.NameRef) and scope.find(node.name.text) is None:
        return node.name.text
    expr = scalar(cx, Env(scope), node)
    return expr.value if isinstance(expr, n.Lit) and isinstance(expr.value, (str, bool)) else ""


def _format_of(cx: Context, urls: list[str], node: sx.ExternalData) -> str:
    """The format that the files' endings say; csv where they say none."""
    found = list(dict.fromkeys(_format_by_ending(url) for url in urls)) or ["csv"]
    if len(found) > 1:
        cx.refuse("externaldata of files of several formats", node.span, "say the format: with (format='csv')")
    return found[0]


def _format_by_ending(url: str) -> str:
    path = url.partition(";")[0].partition("#")[0].partition("?")[0].lower()
    for packed in (".gz", ".zip"):
        path = path.removesuffix(packed)
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    ending = _ENDINGS.get(ending, ending)
    return ending if dot and (ending in FORMATS or ending in _OTHERS) else "csv"


def _one_line(url: str) -> str:
    text = plain_url(url)
    return text if text.isprintable() and len(text) <= 200 and "'" not in text else "URL"


def _prefix(url: str) -> str:
    """What one would allow: the folder that the file is in."""
    scheme, slashes, rest = url.partition("://")
    host, _, path = rest.partition("?")[0].partition("/")
    folder = path.rpartition("/")[0]
    return f"{scheme}{slashes}{host}/{folder}/" if folder else f"{scheme}{slashes}{host}/"
