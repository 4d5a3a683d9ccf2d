"""Random syntax trees, as hypothesis makes them: only such as a text can say."""

from __future__ import annotations

from hypothesis import strategies as st

from lurcher.kql import syntax as s
from lurcher.kql.parser.expressions import LEVELS
from lurcher.kql.tokens import LIST_OPERATORS, RANGE_OPERATORS
from lurcher.kql.types import ScalarType as T

#: Words of the language are among the names: the formatter must put those in brackets.
names = st.builds(
    s.Name,
    st.sampled_from(
        ["a", "b1", "_c", "$d", "count", "kind", "has", "by", "where", "let", "range", "true", "datetime", "1a"]
    )
    | st.text("ab '\"\\]\n*é", min_size=1, max_size=4),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ticks = st.integers(-(10**15), 10**15)
literals = st.one_of(
    st.builds(s.Literal, st.just(T.LONG), st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.builds(s.Literal, st.just(T.INT), st.none() | st.integers(-(2**31), 2**31 - 1)),
    st.builds(s.Literal, st.just(T.REAL), st.floats(allow_nan=False)),
    st.builds(s.Literal, st.just(T.BOOL), st.booleans()),
    st.builds(s.Literal, st.just(T.TIMESPAN), ticks),
    st.builds(s.Literal, st.just(T.DATETIME), st.integers(0, 3 * 10**18)),
    st.builds(s.Literal, st.just(T.GUID), st.uuids()),
    st.builds(s.Literal, st.just(T.STRING), texts, st.just(""), st.booleans()),
)
dynamics = st.builds(
    s.DynamicLiteral,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-99, 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=5,
    ),
)
references = st.builds(s.NameRef, names)
_calls = st.sampled_from(["f", "tolower", "not", "bin"]).map(s.Name)
_binary = sorted(set(LEVELS) - LIST_OPERATORS - RANGE_OPERATORS - {"<>", ":"})


def _compound(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Expression]:
    def some(low: int, high: int = 3) -> st.SearchStrategy[tuple[s.Expression, ...]]:
        return st.lists(inner, min_size=low, max_size=high).map(tuple)

    named = st.builds(s.Named, st.tuples(names), inner)
    arguments = st.lists(inner | named | st.just(s.Star()), max_size=3).map(tuple)
    return st.one_of(
        st.builds(s.Binary, st.sampled_from(_binary), inner, inner),
        st.builds(s.Binary, st.sampled_from(["has", "==", "=~"]), st.just(s.Star()), inner),
        st.builds(s.In, st.sampled_from(sorted(LIST_OPERATORS)), inner, some(1)),
        st.builds(s.Between, st.booleans(), inner, inner, inner),
        st.builds(s.Unary, st.sampled_from("-+"), inner),
        st.builds(s.Path, inner, references),
        st.builds(s.Index, inner, inner),
        st.builds(s.Call, _calls, arguments),
        st.builds(s.Call, st.just(s.Name("toscalar")), st.tuples(inner)),
        st.builds(s.Pipe, inner, st.lists(_operators(inner), min_size=1, max_size=3).map(tuple)),
    )


def _operators(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Operator]:
    columns = st.lists(inner | st.builds(s.Named, st.tuples(names), inner), min_size=1, max_size=3).map(tuple)
    ordered = st.builds(s.Ordered, inner, st.none() | st.booleans(), st.none() | st.booleans())
    headless = st.builds(lambda op: s.Pipe(None, (op,)), st.builds(s.WhereOp, inner))
    columns_only = st.lists(references | st.just(s.Star()), min_size=1, max_size=3).map(tuple)
    items = st.lists(st.builds(s.ExpandItem, inner, st.none() | st.just(T.LONG)), min_size=1, max_size=2).map(tuple)
    kinds = st.builds(s.Parameter, st.just("kind"), st.just(s.NameRef(s.Name("inner"))))
    captures = st.builds(s.ParseCapture, names, st.sampled_from([T.STRING, T.LONG]))
    return st.one_of(
        st.builds(s.WhereOp, inner),
        st.builds(s.TakeOp, inner),
        st.builds(s.ExtendOp, columns),
        st.builds(s.ProjectOp, columns),
        st.builds(s.ProjectAwayOp, columns_only),
        st.builds(s.SortOp, st.lists(ordered, min_size=1, max_size=2).map(tuple)),
        st.builds(s.TopOp, inner, ordered),
        st.builds(s.CountOp, st.none() | names),
        st.builds(s.MvExpandOp, items, st.none() | inner),
        st.builds(s.MvApplyOp, items, headless),
        st.builds(s.JoinOp, inner, st.tuples(references), st.none(), st.tuples(kinds)),
        st.builds(s.UnionOp, st.tuples(references)),
        st.builds(s.ParseOp, inner, st.tuples(captures)),
        st.builds(lambda a, b: s.SummarizeOp(a, b, (), True), columns, columns),
    )


expressions = st.recursive(literals | dynamics | references, _compound, max_leaves=12)
statements = st.one_of(
    st.builds(s.QueryStatement, expressions),
    st.builds(s.LetStatement, names, expressions),
    st.builds(
        s.LetStatement,
        names,
        st.builds(s.Function, st.just(()), st.just(()), expressions, st.booleans()),
    ),
)
scripts = st.builds(s.Script, st.lists(statements, min_size=1, max_size=3).map(tuple))
