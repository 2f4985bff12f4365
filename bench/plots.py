"""The pictures of the report, as SVG text. The same figures draw the same bytes."""
import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter

REFERENCE = "serial-115200"

# A colour and a mark for each link, told apart without colour too. A link that is not here is grey.
STYLES = {
    "serial-115200": ("#6e6e6e", "s"),
    "uart-unthrottled": ("#a6761d", "D"),
    "backdoor-lb": ("#e69f00", "v"),
    "backdoor-vkd": ("#cc6699", "P"),
    "backdoor-hb": ("#0072b2", "o"),
    "doorbell": ("#009e73", "^"),
    "ideal": ("#222222", "|"),
}
MODELLED = {"backdoor-vkd"}
LIMITS = {"ideal"}

matplotlib.rcParams.update(
    {
        "font.size": 10,
        "font.family": "DejaVu Sans",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e4e4e4",
        "axes.axisbelow": True,
        "axes.edgecolor": "#888888",
        "svg.fonttype": "path",
    }
)


def plain(value, _position=None):
    """1234567 as 1,234,567; small numbers keep their fraction."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def short(value):
    """Three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def style(link):
    return STYLES.get(link, ("#999999", "x"))


def label(link):
    return f"{link} (model)" if link in MODELLED else link


def svg(figure, name):
    """The picture's text; ids in it depend on its name and contents alone."""
    matplotlib.rcParams["svg.hashsalt"] = f"fastkd {name}"
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return text.getvalue()


def log_axis(axis):
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_formatter(NullFormatter())


def legend_above(axis, columns):
    axis.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), ncols=columns, frameon=False, fontsize=9, handletextpad=0.3,
                columnspacing=1.4, borderaxespad=0.2)


def speedup(rows, links):
    """A dot for each link and workload: how many times as fast as serial."""
    rows = [row for row in rows if row["ratio_to_serial"] > 0]
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    figure, axis = plt.subplots(figsize=(10.4, 1.3 + 0.42 * len(workloads)), layout="constrained")
    for place, workload in enumerate(workloads):
        ratios = [row["ratio_to_serial"] for row in rows if row["workload"] == workload and row["kind"] == "real"]
        axis.plot([1, max(ratios)], [place, place], color="#d0d0d0", linewidth=5, solid_capstyle="round", zorder=1)
        axis.text(max(ratios) * 1.22, place - 0.17, f"{short(max(ratios))}×", va="bottom", ha="center", fontsize=8.5)
    for link in links:
        colour, mark = style(link)
        points = [(row["ratio_to_serial"], workloads.index(row["workload"])) for row in rows if row["link"] == link]
        if not points:
            continue
        fill = "white" if link in MODELLED else colour
        axis.plot(*zip(*points), mark, markersize=7.5, color=colour, markerfacecolor=fill, markeredgewidth=1.7, label=label(link),
                  zorder=3)
    axis.set_xscale("log")
    axis.set_xlim(left=0.8)
    axis.set_yticks(range(len(workloads)), workloads)
    axis.set_ylim(len(workloads) - 0.5, -0.6)
    axis.grid(axis="y", visible=False)
    log_axis(axis.xaxis)
    axis.set_xlabel(f"times as fast as {REFERENCE} (logarithmic)")
    legend_above(axis, len(links))
    return figure


def lines(rows, links, x, y, x_title, y_title):
    """One line a link over something that is varied; both axes logarithmic."""
    figure, axis = plt.subplots(figsize=(10.4, 4.6), layout="constrained")
    groups = [[]]
    for row in rows:
        if any(other["link"] == row["link"] for other in groups[-1]):
            groups.append([])
        groups[-1].append(row)
    ends = []
    for link in links:
        points = [(x(group), y(row)) for group in groups for row in group if row["link"] == link and y(row) > 0]
        if not points:
            continue
        colour, mark = style(link)
        dashes = "--" if link in LIMITS | MODELLED else "-"
        axis.plot(*zip(*points), dashes, color=colour, marker=mark, markersize=5, linewidth=1.8)
        ends.append([points[-1][1], label(link), colour])
    axis.set_xscale("log")
    axis.set_yscale("log")
    values = sorted({x(group) for group in groups})
    axis.set_xticks(values, [plain(value) for value in values])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(FuncFormatter(plain))
    axis.set_xlabel(x_title)
    axis.set_ylabel(y_title)
    name_ends(axis, ends, values[-1])
    return figure


def name_ends(axis, ends, x):
    """The names of the lines at their right ends, pushed apart where they would lie on each other."""
    low, high = axis.get_ylim()
    step = (high / low) ** 0.052
    ends.sort()
    for number in range(1, len(ends)):
        ends[number][0] = max(ends[number][0], ends[number - 1][0] * step)
    for y, name, colour in ends:
        axis.annotate(name, (x, y), xytext=(10, 0), textcoords="offset points", va="center", color=colour, fontsize=9)


def exit_cost(rows, links):
    figure = lines(
        rows, links, lambda group: group[0]["costs"]["exit_ns"] / 1000, lambda row: row["ratio_to_serial"],
        "what one VM exit costs, µs (logarithmic)", f"full reads, times as fast as {REFERENCE}",
    )
    axis = figure.axes[0]
    axis.axvline(15, color="#bbbbbb", linewidth=1, zorder=0)
    axis.text(15, axis.get_ylim()[1], " this report's default", fontsize=8.5, color="#666666", va="bottom", ha="center")
    return figure


def message_size(rows, links):
    return lines(
        rows, links, lambda group: group[0]["bytes"] / group[0]["operations"], lambda row: row["op_us"],
        "bytes read at once (logarithmic)", "µs for one read (logarithmic)",
    )


def shares(rows, links):
    """What a full read consists of, over the links that are fast enough to be shown together."""
    shown = [row for row in rows if row["workload"] == "bulk-read" and 0 < row["op_us"] < 2000]
    shown.sort(key=lambda row: links.index(row["link"]))
    figure, axis = plt.subplots(figsize=(10.4, 0.9 + 0.45 * len(shown)), layout="constrained")
    for place, row in enumerate(shown):
        costs, count = row["costs"], row["operations"]
        exits = row["exits"] / count * costs["exit_ns"] / 1000
        payload = row["payload_bytes"] / count * costs["payload_ps_per_byte"] / 1e6
        think = costs["think_ns"] / 1000
        parts = [("VM exits", exits, "#0072b2"), ("copying", payload, "#d55e00"),
                 ("to the debugger and back", row["op_us"] - exits - payload - think, "#b8b8b8"),
                 ("the debugger thinks", think, "#dddddd")]
        left = 0
        for name, value, colour in parts:
            axis.barh(place, value, 0.62, left=left, color=colour, label=name if place == 0 else None)
            if value > 8:
                dark = colour == "#0072b2"
                axis.text(left + value / 2, place, short(value), ha="center", va="center", fontsize=8.5,
                          color="white" if dark else "#333333")
            left += value
        axis.text(left + 3, place, f"{short(left)} µs", va="center", fontsize=9)
    axis.set_yticks(range(len(shown)), [label(row["link"]) for row in shown])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlim(0, max(row["op_us"] for row in shown) * 1.09)
    axis.set_xlabel("µs for a read of 3,944 bytes")
    legend_above(axis, 4)
    return figure
