"""The syntax tree: frozen nodes, one class a construct of the surface language."""

from lurcher.kql.syntax.base import *  # noqa: F403
from lurcher.kql.syntax.expressions import *  # noqa: F403
from lurcher.kql.syntax.operators import *  # noqa: F403
from lurcher.kql.syntax.statements import *  # noqa: F403
