#!/usr/bin/env python3
"""Writes the report of a run, once as Markdown and once as one HTML page with everything in it.

usage: report.py DIRECTORY

Reads from it what kdbench wrote: bench.json, aims.json, about.json, exit-cost.json, message-size.json; and, where they are
there, measured.json and kvm.json (kdbench micro, kdharness), hyperfine.json, and source.json (what the run was made of).
Writes report.md, report.html and the pictures. The same files give the same bytes.
"""
import html
import json
import sys
from pathlib import Path

import plots

NONE = "–"


# ---- numbers for people ---------------------------------------------------------------------------------------------


def number(value):
    """As many digits as are worth reading, thousands apart."""
    if value == 0:
        return "0"
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def digits(value):
    """Three digits, the last of them even where it is a zero; all of those before the point."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def duration(us):
    """175 µs, 35.2 ms, 1.03 s, 25.4 min."""
    for size, unit in ((120e6, "min"), (1e6, "s"), (1e3, "ms"), (1, "µs")):
        if us >= size:
            return f"{digits(us / (60e6 if unit == 'min' else size))} {unit}"
    return f"{digits(us * 1000)} ns"


def speed(kb_per_s):
    return f"{digits(kb_per_s / 1000)} MB/s" if kb_per_s >= 1000 else f"{digits(kb_per_s)} KB/s"


def times(ratio):
    return f"{digits(ratio)}×"


# ---- what a report is made of: blocks that know nothing of Markdown or HTML -----------------------------------------


class Section:
    def __init__(self, title):
        self.title = title
        self.blocks = []

    def text(self, text):
        self.blocks.append(("text", text))
        return self

    def table(self, head, rows, words=1, last_words=0):
        """words, last_words: so many columns at the left and right are words, the rest numbers."""
        kinds = ["w" if i < words or i >= len(head) - last_words else "n" for i in range(len(head))]
        self.blocks.append(("table", head, rows, kinds))
        return self

    def picture(self, name, caption):
        self.blocks.append(("picture", name, caption))
        return self

    def tiles(self, tiles):
        self.blocks.append(("tiles", tiles))
        return self


class Run:
    """The files of a run, and how to find things in them."""

    def __init__(self, folder):
        self.folder = folder
        self.rows = self.read("bench.json")
        self.aims = self.read("aims.json")
        self.about = self.read("about.json")
        self.exit_cost = self.read("exit-cost.json")
        self.message_size = self.read("message-size.json")
        self.emulated = self.read("emu-x64/bench.json", []) + self.read("emu-x86/bench.json", [])
        self.measured = self.read("measured.json", [])
        self.kvm = self.read("kvm.json", None)
        self.hyperfine = self.read("hyperfine.json", {"results": []})["results"]
        self.source = self.read("source.json", {})
        self.cells = {link["name"]: link_cell(link) for link in self.about["links"]}
        self.names = [link["name"] for link in self.about["links"] if any(row["link"] == link["name"] for row in self.rows)]

    def read(self, name, otherwise=...):
        path = self.folder / name
        if otherwise is not ... and not path.exists():
            return otherwise
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            sys.exit(f"report.py: {path}: {error}; expected what kdbench writes there")

    def row(self, workload, link):
        for row in self.rows:
            if row["workload"] == workload and row["link"] == link:
                return row
        return None

    def best(self, workload):
        real = [row for row in self.rows if row["workload"] == workload and row["kind"] == "real"]
        return min(real, key=lambda row: row["op_us"])


def link_cell(link):
    notes = {"modelled": " (model)", "limit": " (limit)"}
    return link["name"] + notes.get(link["kind"], "")


# ---- the sections ---------------------------------------------------------------------------------------------------


def headline(run):
    best, serial = run.best("bulk-read"), run.row("bulk-read", plots.REFERENCE)
    dump, slow_dump = run.best("dump"), run.row("dump", plots.REFERENCE)
    line = run.best("source-step")
    section = Section("Kernel debugging of a virtual machine: how fast is each way?")
    section.text(
        "A kernel debugger talks to the machine it debugs through a serial port, real or virtual, at 115200 bits a second: "
        "about 11 KB/s. **fastkd** is another way for virtual machines: the guest hands whole packets to its virtual machine "
        "monitor (VMM), a relay on the host speaks the debugger's protocol, and the debugger notices nothing but the speed. This report "
        "compares that way, in several forms, with the serial port, over the same work."
    )
    section.tiles(
        [
            (times(best["ratio_to_serial"]), f"as fast as serial, for a full memory read over {best['link']}"),
            (duration(best["op_us"]), f"for 3,944 bytes, the largest read there is; serial: {duration(serial['op_us'])}"),
            (number(best["exits_per_op"]), f"VM exit{'s' if best['exits_per_op'] != 1 else ''} for that read; serial: {number(serial['exits_per_op'])}"),
            (duration(dump["op_us"]), f"to dump 16 MiB over {dump['link']}; serial: {duration(slow_dump['op_us'])} (extrapolated)"),
            (duration(line["op_us"]), f"for a step in a source window; serial: {duration(run.row('source-step', plots.REFERENCE)['op_us'])}"),
        ]
    )
    section.text(
        "**What is simulated and what is measured.** All figures here are *simulated* unless a section says *measured*: the real "
        "transport code runs against simulated devices, a simulated kernel and a scripted debugger; VM exits and bytes are "
        "counted exactly, and time is computed from the counts and one table of costs, printed below. Two runs on the same "
        "sources give the same figures to the digit. What is measured on a real machine comes with its spread."
    )
    section.picture("speedup", "How many times as fast as 115200 bps serial. One row is one kind of work, one mark one link; the number is the best "
                               "link's. A hollow mark is somebody else's way, modelled; the bar | is what no transport can beat.")
    return section


def matrix(run, columns):
    """Links down, one cell function a column; reserved links without figures."""
    rows = []
    for link in run.about["links"]:
        cells = [link_cell(link)]
        for _title, workload, cell in columns:
            row = run.row(workload, link["name"])
            cells.append(NONE if row is None else cell(row))
        if link["kind"] == "reserved":
            cells[1] = "comes later"
        rows.append(cells)
    return ["link"] + [title for title, _workload, _cell in columns], rows


def time_cell(row):
    text = duration(row["op_us"]) + ("*" if row["extrapolated"] else "")
    if row["ratio_to_serial"] > 0 and row["link"] != plots.REFERENCE:
        text += f" ({times(row['ratio_to_serial'])})"
    return text


def per_op(field):
    return lambda row: number(row[field] / row["operations"])


def memory(run):
    section = Section("Reading and writing memory")
    section.table(*matrix(run, [
        ("full read, 3,944 bytes", "bulk-read", time_cell),
        ("speed", "bulk-read", lambda row: speed(row["kb_per_s"])),
        ("VM exits", "bulk-read", per_op("exits")),
        ("full write", "bulk-write", time_cell),
        ("read of 64 bytes", "small-read", time_cell),
        ("dump of 16 MiB", "dump", time_cell),
    ]))
    section.text("The second figure says how many times as fast as serial. * extrapolated from 256 KiB. MB and KB are 1,000,000 and 1,000 bytes of payload.")
    section.picture("shares", "Where the time of a full read goes, over the links fast enough to be shown side by side; what passes to the debugger and back while exits go on is counted with the exits.")
    return section


def control(run):
    section = Section("Stepping, attaching, booting, printing")
    section.table(*matrix(run, [
        ("single step", "steps", time_cell),
        ("source line", "source-step", time_cell),
        ("first conversation", "attach", time_cell),
        ("boot, 200 modules", "boot", time_cell),
        ("debug print", "prints", time_cell),
    ]))
    section.text("A source line is a step, the registers, the top of the stack and twelve small reads. The first conversation is what a debugger "
                 "asks when it attaches: some 280 requests, many of them in vain.")
    return section


def waiting(run):
    def at(field):
        return lambda row: duration(row[field] / 1000)

    section = Section("Waiting, and trouble")
    section.table(*matrix(run, [
        ("break-in, median", "break-in", at("p50_ns")),
        ("99th percentile", "break-in", at("p99_ns")),
        ("longest", "break-in", at("max_ns")),
        ("exits in an idle second", "idle", per_op("exits")),
        ("read with a lost frame", "lost-frame", lambda row: duration(row["op_us"])),
        ("relay restarted", "relay-restart", lambda row: duration(row["op_us"])),
    ]))
    section.text("A running kernel looks for a break-in at its clock tick, every 15.625 ms here: most of a break-in is that wait, over any link. A lost "
                 "frame costs the second after which the protocol sends again. When the relay is restarted, the time is until the debugger knows "
                 "where the target stands and has read 64 bytes; over serial there is no relay.")
    return section


def sweeps(run):
    section = Section("Find your own machine: what an exit costs, and how much is read at once")
    section.picture("exit-cost", "Speed against serial as one VM exit gets dearer: cheap where the VMM's kernel part answers it itself, dear where it goes to "
                                 "a user-mode process and back. `kdbench calibrate` measures yours. From some 43 µs on, two exits a byte are slower than the "
                                 "serial line itself, and everything looks better against it.")
    section.picture("message-size", "The time of one read over its size. What is flat is paid per packet, what rises per byte.")
    return section


def instructions(run):
    works = [("bulk-read", "full read"), ("small-read", "read of 64 bytes"), ("bulk-write", "full write"), ("steps", "single step"),
             ("prints", "debug print"), ("idle", "idle second")]
    counted = {(row["workload"], row["link"], row["arch"]): row for row in run.emulated}
    archs = sorted({row["arch"] for row in run.emulated})
    real = [link["name"] for link in run.about["links"] if link["kind"] == "real"]

    def table(total):
        cell = per_op(total)
        return [[link, arch] + [cell(counted[work, link, arch]) if (work, link, arch) in counted else NONE for work, _title in works]
                for link in real for arch in archs]

    head = ["link", "target"] + [title for _work, title in works]
    polls = 1e9 / run.emulated[0]["costs"]["tick_ns"]
    section = Section("What the guest's processor does for it")
    section.text(f"Instructions of the module itself for one operation, counted exactly: `kdfast.dll`'s own bytes run on an emulated processor "
                 f"({run.emulated[0].get('compiler', 'compiler unknown')}). Another compiler gives other figures. Few operations are played (ten debug prints), so a "
                 f"poll of a clock tick in between shows in the mean. An idle second has {number(polls)} polls, one at each clock tick.")
    section.table(head, table("module_instructions"), words=2)
    section.text("And the VM exits of the same operations:")
    section.table(head, table("exits"), words=2)
    return section


def aims(run):
    states = {"met": "met", "not met": "**not met**", "not run": "not run", "stated": NONE}
    rows = [[aim["what"], aim["workload"], run.cells[aim["link"]], aim["aim"] if aim["aim"] != "-" else NONE,
             number(aim["figure"]) if aim["state"] != "not run" else NONE, states[aim["state"]]] for aim in run.aims]
    for item in run.measured:
        if item["aim"]:
            rows.append([f"codec, {item['name']} (measured)", NONE, NONE, f"at least {number(item['aim'])} {item['unit']}",
                         f"{number(item['value'])} {item['unit']}", states[item["state"]]])
    section = Section("What was aimed at")
    section.text("Checked by the tool, at the default costs. A figure without an aim is stated for the reader.")
    section.table(["aim", "work", "link", "bound", "figure", "state"], rows, words=4, last_words=1)
    return section


def measured(run):
    section = Section("Measured on a real machine")
    machine = ", ".join(run.source[key] for key in ("cpu", "kernel", "compiler") if key in run.source)
    section.text(f"These figures are *measured*, with a clock, on one machine{': ' + machine if machine else ''}. They are the median of their samples, with the least and the most, "
                 "and another machine has others.")
    if run.measured:
        section.text("**Codec and relay core**, on one core, in CPU time:")
        section.table(["what", "", "median", "least", "most", "unit"],
                      [[item["name"], item["what"], number(item["value"]), number(item["low"]), number(item["high"]), item["unit"]]
                       for item in run.measured], words=2)
    if run.kvm:
        kvm(run, section)
    if run.hyperfine:
        section.text("**Whole commands** (hyperfine): how long the harness itself takes, all included.")
        section.table(["command", "mean", "standard deviation", "least", "most"],
                      [[item["command"]] + [duration(item[field] * 1e6) for field in ("mean", "stddev", "min", "max")]
                       for item in run.hyperfine])
    return section


def kvm(run, section):
    section.text("**A real guest on KVM**: the DLL's own bytes, real VM exits, the relay's code and real sockets, on the wall clock. The guest waits for no debugger that thinks. Ratios are taken in each round of one run.")
    section.table(["work", "link", "median", "least", "most", "times as fast as serial", "least", "most", "samples"],
                  [[row["workload"], row["link"]] + [duration(row[field]) for field in ("median_us", "low_us", "high_us")] +
                   [times(row[field]) if row.get(field) else NONE for field in ("ratio", "ratio_low", "ratio_high")] + [number(row["samples"])]
                   for row in run.kvm], words=2)


def meaning(run):
    section = Section("What the words mean")
    section.table(["link", "what it is"], [[link_cell(link), link["what"]] for link in run.about["links"]], words=2)
    section.table(["work", "one operation"], [[work["name"], work["what"]] for work in run.about["workloads"]], words=2)
    section.text("A **VM exit** is the guest's processor leaving the guest for the VMM, which is what every access to a virtual device costs. An **RPC** is one call "
                 "from guest to relay and its answer. **Guest** and **VMM copies** are bytes copied in guest memory by the module, and between guest and VMM.")
    return section


def provenance(run):
    costs = run.rows[0]["costs"]
    section = Section("Costs, sources, and how to repeat this")
    section.table(["cost", "what it is", "value", "unit"],
                  [[cost["name"], cost["note"], number(costs[cost["name"]]), cost["unit"]] for cost in run.about["costs"]], words=2)
    section.text("The link `ideal` runs with exit_ns and payload_ps_per_byte at 0.")
    facts = [f"target {run.rows[0]['arch']}", f"seed {run.rows[0]['seed']}"]
    if "tree" in run.source:
        facts.append(f"source tree `{run.source['tree']}` (SHA-256 over all files but results/)")
    section.text("Made of: " + ", ".join(facts) + ". `make report` repeats it; `bench.json` beside this page holds every figure.")
    return section


def everything(run):
    columns = [("time", lambda row: NONE if row["workload"] == "idle" else duration(row["op_us"])), ("× serial", lambda row: times(row["ratio_to_serial"]) if row["ratio_to_serial"] else NONE),
               ("KB/s", lambda row: number(float(f"{row['kb_per_s']:.4g}")) if row["kb_per_s"] else NONE), ("VM exits", per_op("exits")), ("RPCs", per_op("rpcs")),
               ("guest copies", per_op("copied_bytes")), ("VMM copies", per_op("payload_bytes")), ("wire bytes", per_op("wire_bytes"))]
    section = Section("Every figure")
    section.text("Each by operation. Copies and wire bytes are bytes; wire bytes are those on the debugger's line in both directions. The time of break-in is the median.")
    section.table(["work", "link"] + [title for title, _cell in columns],
                  [[row["workload"], run.cells[row["link"]] + ("*" if row["extrapolated"] else "")] + [cell(row) for _title, cell in columns] for row in run.rows], words=2)
    return section


def sections(run):
    made = [headline(run), memory(run), control(run), waiting(run), sweeps(run)]
    if run.emulated:
        made.append(instructions(run))
    made.append(aims(run))
    if run.measured or run.kvm or run.hyperfine:
        made.append(measured(run))
    return made + [meaning(run), provenance(run), everything(run)]


# ---- pictures -------------------------------------------------------------------------------------------------------


def draw(run):
    return {
        "speedup": plots.svg(plots.speedup(run.rows, run.names), "speedup"),
        "shares": plots.svg(plots.shares(run.rows, run.names), "shares"),
        "exit-cost": plots.svg(plots.exit_cost(run.exit_cost, run.names), "exit-cost"),
        "message-size": plots.svg(plots.message_size(run.message_size, run.names), "message-size"),
    }


# ---- Markdown -------------------------------------------------------------------------------------------------------


def markdown_table(head, rows, kinds):
    def line(cells):
        return "| " + " | ".join(cells) + " |"

    return "\n".join([line(head), line(["---" if kind == "w" else "---:" for kind in kinds])] + [line(row) for row in rows])


def markdown_block(block):
    kind = block[0]
    if kind == "text":
        return block[1]
    if kind == "table":
        return markdown_table(*block[1:])
    if kind == "picture":
        return f"![{block[2]}]({block[1]}.svg)\n\n{block[2]}"
    return "\n".join(f"- **{value}** {what}" for value, what in block[1])


def markdown(made):
    parts = []
    for level, section in enumerate(made):
        parts.append(f"{'#' if level == 0 else '##'} {section.title}")
        parts += [markdown_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


# ---- HTML -----------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f5f6; color: #1d2125; font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 36px 60px; background: #fff; }
h1 { font-size: 30px; line-height: 1.2; margin: 8px 0 14px; }
h2 { font-size: 21px; margin: 44px 0 10px; padding-top: 14px; border-top: 1px solid #dde1e5; }
p { margin: 10px 0; max-width: 92ch; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 0.92em; background: #f1f3f5; padding: 0 3px; border-radius: 3px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 12px; margin: 20px 0; }
.tile { background: #eef5fa; border-left: 4px solid #0072b2; padding: 12px 14px; border-radius: 3px; }
.tile b { display: block; font-size: 26px; line-height: 1.2; white-space: nowrap; }
.tile span { display: block; font-size: 13.5px; line-height: 1.35; color: #49525a; margin-top: 4px; }
figure { margin: 18px 0; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: 14px; color: #49525a; max-width: 105ch; margin-top: 4px; }
table { border-collapse: collapse; margin: 14px 0; font-size: 14px; width: 100%; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid #c5ccd2; vertical-align: bottom; }
th, td { padding: 5px 10px 5px 6px; }
td { border-bottom: 1px solid #e7eaed; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n { white-space: nowrap; }
td small { color: #6a737b; }
tr:first-child td { border-top: 0; }
tbody tr:hover td { background: #f7fafc; }
.met { color: #00734f; font-weight: 600; }
.missed { color: #b3261e; font-weight: 600; }
@media (max-width: 900px) { .tiles { grid-template-columns: repeat(2, 1fr); } main { padding: 16px; } }
@page { size: A4; margin: 12mm; }
@media print {
  body { background: #fff; font-size: 11px; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 22px; } h2 { font-size: 15px; margin-top: 22px; break-after: avoid; }
  .tile { -webkit-print-color-adjust: exact; print-color-adjust: exact; padding: 8px 10px; }
  .tile b { font-size: 17px; } .tile span { font-size: 9.5px; }
  .tiles { gap: 7px; grid-template-columns: repeat(5, 1fr); }
  table.short { break-inside: avoid; }
  table { font-size: 9.5px; } th, td { padding: 2.5px 6px 2.5px 3px; }
  figure, tr, .tiles { break-inside: avoid; }
  thead { display: table-header-group; }
  figcaption { font-size: 10px; }
}
"""


def marked_up(text):
    """The few marks that texts use: **strong**, *stressed*, `code`."""
    text = html.escape(text, quote=False)
    for mark, tag in (("**", "b"), ("*", "i"), ("`", "code")):
        pieces = text.split(mark)
        if len(pieces) % 2 == 0:
            continue
        text = "".join(piece if i % 2 == 0 else f"<{tag}>{piece}</{tag}>" for i, piece in enumerate(pieces))
    return text


def html_cell(cell, is_number):
    if cell == "met":
        return '<td class="met">met</td>'
    if cell == "**not met**":
        return '<td class="missed">not met</td>'
    text = html.escape(cell, quote=False) if is_number else marked_up(cell)
    if is_number and text.endswith(")"):
        text = text.replace(" (", "<br><small>").removesuffix(")") + "</small>"
    return f'<td class="n">{text}</td>' if is_number else f"<td>{text}</td>"


# A table of so many rows stays on one printed page.
SHORT_ROWS = 20


def html_table(head, rows, kinds):
    cells = "".join(f'<th{"" if kind == "w" else " class=n"}>{html.escape(cell)}</th>' for cell, kind in zip(head, kinds))
    lines = ["<tr>" + "".join(html_cell(cell, kind == "n") for cell, kind in zip(row, kinds)) + "</tr>" for row in rows]
    short = ' class="short"' if len(rows) <= SHORT_ROWS else ""
    return f"<table{short}><thead><tr>{cells}</tr></thead>\n<tbody>" + "\n".join(lines) + "</tbody></table>"


def inline(picture, alt):
    """The drawing without the declarations that an SVG file begins with."""
    drawing = picture[picture.index("<svg"):]
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt)}" ', 1)


def html_block(block, pictures):
    kind = block[0]
    if kind == "text":
        return f"<p>{marked_up(block[1])}</p>"
    if kind == "table":
        return html_table(*block[1:])
    if kind == "picture":
        return f"<figure>{inline(pictures[block[1]], block[2])}<figcaption>{marked_up(block[2])}</figcaption></figure>"
    return '<div class="tiles">' + "".join(
        f'<div class="tile"><b>{html.escape(value)}</b><span>{html.escape(what)}</span></div>' for value, what in block[1]) + "</div>"


def page(made, pictures):
    parts = []
    for level, section in enumerate(made):
        tag = "h1" if level == 0 else "h2"
        parts.append(f"<{tag}>{html.escape(section.title)}</{tag}>")
        parts += [html_block(block, pictures) for block in section.blocks]
    title = html.escape(made[0].title)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(parts) + "\n</main></body></html>\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    run = Run(Path(sys.argv[1]))
    if not run.rows:
        sys.exit(f"report.py: {run.folder}/bench.json: no rows; expected at least one")
    pictures = draw(run)
    made = sections(run)
    for name, picture in pictures.items():
        (run.folder / f"{name}.svg").write_text(picture)
    (run.folder / "report.md").write_text(markdown(made))
    (run.folder / "report.html").write_text(page(made, pictures))


if __name__ == "__main__":
    main()
