"""What `render` asks for, drawn: as text in a terminal, as an SVG, PNG or HTML file."""

from lurcher.report.charts.files import FILE_KINDS, image, left_out, write_chart
from lurcher.report.charts.model import Chart, Line, NotDrawn, chart_of
from lurcher.report.charts.terminal import draw

__all__ = ["FILE_KINDS", "Chart", "Line", "NotDrawn", "chart_of", "draw", "image", "left_out", "write_chart"]
