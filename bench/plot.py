#!/usr/bin/env python3
"""Draws results/latest/bench.json: how much faster than 115200 bps serial every link is, and its bulk speed.

usage: plot.py BENCH_JSON OUT_DIRECTORY   writes speed.svg and speed.png
"""
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

REFERENCE = "serial-115200"
COLOURS = {
    "serial-115200": "#8c8c8c",
    "backdoor-lb": "#d98c3f",
    "backdoor-hb": "#2f6fb0",
    "ideal": "#9fc3e6",
}
# Fixed, so that two runs over the same figures draw the same bytes.
matplotlib.rcParams["svg.hashsalt"] = "fastkd"
matplotlib.rcParams["font.size"] = 10


def plain(value, _position=None):
    """1234567 as 1,234,567; small numbers keep their fraction."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def short(value):
    """A number for the end of a bar: three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def in_order(rows, field):
    return list(dict.fromkeys(row[field] for row in rows))


def draw_bars(axis, rows, workloads, links, field):
    height = 0.8 / len(links)
    for number, link in enumerate(links):
        places, values = [], []
        for place, workload in enumerate(workloads):
            for row in rows:
                if row["link"] == link and row["workload"] == workload and row[field]:
                    places.append(place + (number - (len(links) - 1) / 2) * height)
                    values.append(row[field])
        bars = axis.barh(places, values, height * 0.9, label=link, color=COLOURS.get(link, "#555555"))
        axis.bar_label(bars, [short(value) for value in values], padding=3, fontsize=8)
    axis.set_xscale("log")
    axis.set_yticks(range(len(workloads)), workloads)
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(FuncFormatter(plain))
    axis.margins(x=0.14)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", alpha=0.3)


def draw(rows):
    links = in_order(rows, "link")
    workloads = in_order(rows, "workload")
    bulk = [name for name in workloads if any(row["workload"] == name and row["bytes"] for row in rows)]
    figure = plt.figure(figsize=(12, 2 + 0.9 * len(workloads)), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[3, 2], height_ratios=[1, 0.04])
    left, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    below = figure.add_subplot(grid[1, :])
    below.axis("off")
    draw_bars(left, rows, workloads, links, "ratio_to_serial")
    left.axvline(1, color="#444444", linewidth=1)
    left.set_title(f"Times as fast as {REFERENCE} (log scale)", loc="left")
    draw_bars(right, rows, bulk, links, "kb_per_s")
    right.set_title("Payload, KB per second (log scale)", loc="left")
    handles, names = left.get_legend_handles_labels()
    below.legend(handles, names, loc="center", ncol=len(names), frameon=False)
    costs = rows[0]["costs"]
    figure.suptitle(
        "fastkd: kernel debugging over each link, simulated time\n"
        f"costs: exit {costs['exit_ns'] / 1000:g} us, stream latency {costs['stream_latency_ns'] / 1000:g} us each way, "
        f"debugger think time {costs['think_ns'] / 1000:g} us, {costs['baud']} bit/s",
        fontsize=11,
    )
    return figure


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        rows = json.loads(source.read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"plot.py: {source}: {error}; expected the list of rows that kdbench run writes")
    if not rows:
        sys.exit(f"plot.py: {source}: no rows; expected at least one")
    figure = draw(rows)
    figure.savefig(target / "speed.svg", metadata={"Date": None})
    figure.savefig(target / "speed.png", dpi=150)


if __name__ == "__main__":
    main()
