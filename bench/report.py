#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What build/bench/bench.json says, as a page or as a table in Markdown.

    bench/report.py bench.json >bench.html
    bench/report.py --markdown bench.json
    bench/report.py --into docs/performance.md bench.json

The page is one file without scripts and without anything fetched: it can be sent to a phone, and a
mail reader shows it. A figure is the median over rounds of the ratio to native in the same round; the
thin line over its bar spans the quartiles.
"""
import argparse
import html
import json
import math
import sys

# Legible on white and on black, and apart for the colour-blind (Okabe and Ito's, slightly darker).
COLOURS = {
    "ns": "#0a8f6c", "ptrace": "#d0651a", "fast": "#e0a010", "proot": "#b0609a",
    "bwrap": "#2f8fd0", "podman": "#6a78d8", "runsc": "#909090",
}

MARKS = ("<!-- bench/report.py --into: begin -->", "<!-- end -->")

GROUPS = (  # kind in the JSON, heading, what to know
    ("command", "Whole programs", "What a person waits for."),
    ("call", "System calls", "One call, over and over."),
    ("process", "Processes and threads", ""),
    ("scale", "Cost against numbers", "Calls with more mounts, or beside processes that sleep."),
)

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c1e21; --quiet: #5c6269; --line: #d9dce0;
	--card: #f5f6f8; --whisker: #1c1e21; }
@media (prefers-color-scheme: dark) { :root { --back: #131518; --text: #e8eaed; --quiet: #9aa1a9;
	--line: #33383e; --card: #1c1f23; --whisker: #fff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; background: var(--back); color: var(--text);
	font: 16px/1.4 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0; }
.quiet { color: var(--quiet); font-size: .85rem; }
.legend { position: sticky; top: 0; background: var(--back); padding: .5rem 0; z-index: 1;
	border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: .1rem .9rem; font-size: .85rem; }
.legend span { white-space: nowrap; }
.legend i { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px; margin-right: .3rem; }
.row { background: var(--card); border-radius: 6px; padding: .45rem .6rem .5rem; margin: .5rem 0; }
.head { display: flex; justify-content: space-between; gap: 1rem; }
.head b { font-weight: 600; }
.bar { display: grid; grid-template-columns: 4rem 1fr 4rem; gap: .4rem; align-items: center; font-size: .8rem;
	line-height: 1.25rem; }
.bar .value { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.track { position: relative; height: .9rem; }
.track u, .track i, .track s { position: absolute; }
.track u, .track i { top: 0; bottom: 0; }
.track u { width: 1px; background: var(--line); }
.track i { border-radius: 2px; }
.track s { top: calc(50% - 1px); height: 2px; background: var(--whisker); min-width: 1px; }
.axis { padding: 0 .6rem; }
.ticks { color: var(--quiet); font-size: .7rem; position: relative; height: 1rem; }
.ticks span { position: absolute; transform: translateX(-50%); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
td:first-child, th:first-child { text-align: left; position: sticky; left: 0; background: var(--back); }
summary { cursor: pointer; margin-top: 2rem; }
"""


def quantile(values, share):
    """By linear interpolation between neighbours, as most tools have it."""
    values = sorted(values)
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def time_text(ns):
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / divisor:.{0 if ns / divisor >= 100 else 2 if divisor > 1 else 0}f} {unit}"
    return f"{ns / 1e9:.2f} s"


def ratio_text(ratio):
    return f"{ratio:.{2 if ratio < 10 else 1 if ratio < 100 else 0}f}"


def ratios(cell, base):
    """Median and quartiles of the ratio in the same round, or None."""
    if "median_ns" not in cell or "median_ns" not in base:
        return None
    pairs = [a / b for a, b in zip(cell["rounds_median_ns"], base["rounds_median_ns"]) if b > 0]
    if not pairs:
        return None
    return {share: quantile(pairs, share / 100) for share in (25, 50, 75)}


def stops_text(stops):
    return f"{stops:.0f}" if stops >= 20 or abs(stops - round(stops)) < 0.05 else f"{stops:.1f}"


def stops_of_row(row, names):
    cells = [(name, row["cells"].get(name, {})) for name in names]
    return ", ".join(f'{name} {stops_text(cell["stops"])}' for name, cell in cells if "stops" in cell)


def group_of(row):
    return "scale" if row["name"].endswith(("mounts", "tracees")) else row["kind"]


class Run:
    """A run as the page wants it: columns that have figures, rows with their ratios."""

    def __init__(self, data):
        self.environment = data["environment"]
        self.columns = [c for c in data["columns"] if c["name"] != "native"]
        self.shown = [c for c in self.columns if not c["unavailable"]]
        self.titles = {c["name"]: c["title"] for c in data["columns"]}
        self.rows = [row for row in data["rows"] if "median_ns" in row["cells"].get("native", {})]
        self.startup = data["startup"]
        self.memory = data.get("memory", {})

    def ratio(self, row, name):
        cells = row["cells"]
        return ratios(cells[name], cells["native"]) if name in cells else None

    def group(self, kind):
        return [row for row in self.rows if group_of(row) == kind]

    def facts(self):
        e = self.environment
        busy = e["load_before"][0] > e["cpu_count"] / 2
        yield f'{e["kernel"]} {e["machine"]}, {e["cpu"]}, {e["cpu_count"]} CPUs'
        yield (f'{"root" if e["uid"] == 0 else "a plain user"}, rootfs on {e["rootfs_type"]}, '
               f'{e["rounds"]} rounds, {e["date"]}, load {e["load_before"][0]:.2f} before and '
               f'{e["load_after"][0]:.2f} after')
        yield ", ".join(f'{c["title"]}: {c["version"]}' for c in self.shown if c["version"])
        if e["quick"]:
            yield "A quick run: rough figures."
        if busy:
            yield "The machine was busy: these are not figures to quote."


class Scale:
    """Logarithmic, from 1 (or a little less, when something is faster) to the largest figure."""

    def __init__(self, values):
        self.low = min([0.8] + [max(v, 0.1) for v in values])
        self.high = max([2.0] + values) * 1.1

    def at(self, value):
        """Percent of the width."""
        value = min(max(value, self.low), self.high)
        return 100 * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self):
        steps = [m * 10 ** e for e in range(-1, 5) for m in (1, 2, 5)]
        inside = [t for t in steps if self.low <= t <= self.high]
        return inside if len(inside) < 6 else [t for t in inside if not str(t).strip("0.").startswith(("2", "5"))]


def page_bar(run, row, name, scale):
    ratio = run.ratio(row, name)
    cell = row["cells"].get(name, {})
    title = html.escape(name)
    if not ratio:
        why = html.escape(cell.get("failed") or "not measured")
        return f'<div class=bar><span>{title}</span><span class=quiet>{why}</span><span class=value>–</span></div>'
    one, end = scale.at(1), scale.at(ratio[50])
    left, width = min(one, end), max(abs(end - one), 0.6)
    low, high = scale.at(ratio[25]), scale.at(ratio[75])
    grid = "".join(f'<u style="left:{scale.at(t):.1f}%"></u>' for t in scale.ticks())
    return (f'<div class=bar><span>{title}</span><span class=track>{grid}'
            f'<i style="left:{left:.1f}%;width:{width:.1f}%;background:{COLOURS.get(name, "#888")}"></i>'
            f'<s style="left:{low:.1f}%;width:{high - low:.1f}%"></s></span>'
            f'<span class=value>{ratio_text(ratio[50])}×</span></div>')


def page_group(run, kind, heading, note):
    rows = run.group(kind)
    names = [c["name"] for c in run.shown]
    values = [r[50] for row in rows for r in (run.ratio(row, name) for name in names) if r]
    if not values:
        return
    scale = Scale(values)
    yield f"<h2>{heading}</h2><p class=quiet>{note} Times native, on a logarithmic scale.</p>"
    yield "<div class=axis><div class=bar><span></span><span class=ticks>"
    yield "".join(f'<span style="left:{scale.at(t):.1f}%">{t:g}×</span>' for t in scale.ticks())
    yield "</span><span></span></div></div>"
    for row in rows:
        native = time_text(row["cells"]["native"]["median_ns"])
        yield (f'<div class=row><div class=head><b>{html.escape(row["name"])}</b>'
               f"<span class=quiet>native {native}</span></div>")
        yield "".join(page_bar(run, row, name, scale) for name in names)
        stops = stops_of_row(row, names)
        yield f"<p class=quiet>stops: {stops}</p></div>" if stops else "</div>"


def page_plain_bars(heading, note, figures, text):
    """Bars from zero: figures are (name, value)."""
    if not figures:
        return
    most = max(value for _, value in figures) or 1
    yield f"<h2>{heading}</h2><p class=quiet>{note}</p><div class=row>"
    for name, value in figures:
        yield (f'<div class=bar><span>{html.escape(name)}</span><span class=track>'
               f'<i style="left:0;width:{100 * value / most:.1f}%;background:{COLOURS.get(name, "#888")}"></i></span>'
               f"<span class=value>{text(value)}</span></div>")
    yield "</div>"


def page_table(run):
    names = [c["name"] for c in run.shown]
    yield "<details><summary>All figures as a table</summary><div class=wide><table><tr><th>row</th><th>native</th>"
    yield "".join(f"<th>{html.escape(name)}</th><th>quartiles</th>" for name in names) + "</tr>"
    for row in run.rows:
        yield f'<tr><td>{html.escape(row["name"])}</td><td>{time_text(row["cells"]["native"]["median_ns"])}</td>'
        for name in names:
            ratio = run.ratio(row, name)
            yield (f"<td>{ratio_text(ratio[50])}</td><td>{ratio_text(ratio[25])}–{ratio_text(ratio[75])}</td>"
                   if ratio else "<td>–</td><td></td>")
        yield "</tr>"
    yield "</table></div></details>"


def page(run):
    yield ("<!doctype html><html lang=en><meta charset=utf-8>"
           '<meta name=viewport content="width=device-width, initial-scale=1">'
           f"<title>amphora bench</title><style>{STYLE}</style><h1>amphora bench</h1>")
    yield "".join(f"<p class=quiet>{html.escape(line)}</p>" for line in run.facts() if line)
    yield "<div class=legend>"
    yield "".join(f'<span><i style="background:{COLOURS.get(c["name"], "#888")}"></i>{html.escape(c["title"])}</span>'
                  for c in run.shown) + "</div>"
    for kind, heading, note in GROUPS:
        yield from page_group(run, kind, heading, note)
    starts = [(name, cell["median_ns"]) for name, cell in run.startup["cells"].items() if "median_ns" in cell]
    yield from page_plain_bars("Start", "A container with /bin/true, from fork to exit.", starts, time_text)
    memory = [(name, figure["peak_kib"]) for name, figure in run.memory.items()]
    yield from page_plain_bars("Memory", "The most that the processes beside the command have held.", memory,
                               lambda kib: f"{kib / 1024:.1f} MiB")
    yield from page_table(run)
    missing = [f'{c["title"]}: {c["unavailable"]}' for c in run.columns if c["unavailable"]]
    if missing:
        yield "<h2>Not measured</h2>"
        yield "".join(f"<p class=quiet>{html.escape(line)}</p>" for line in missing)
    yield "</html>\n"


def markdown(run):
    names = [c["name"] for c in run.shown]
    for line in run.facts():
        if line:
            yield f"{line}  \n"
    for kind, heading, _ in GROUPS:
        rows = run.group(kind)
        if not rows:
            continue
        yield f"\n| {heading.lower()} | native | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}\n"
        for row in rows:
            figures = []
            for name in names:
                ratio, cell = run.ratio(row, name), row["cells"].get(name, {})
                spread = f" ±{50 * (ratio[75] - ratio[25]) / ratio[50]:.0f}%" if ratio else ""
                stops = f", {stops_text(cell['stops'])} stops" if "stops" in cell else ""
                figures.append(f"{ratio_text(ratio[50])}{spread}{stops}" if ratio else "–")
            yield (f'| {row["name"]} | {time_text(row["cells"]["native"]["median_ns"])} | {" | ".join(figures)} |\n')
    cells = run.startup["cells"]
    starts = [time_text(cells[n]["median_ns"]) if "median_ns" in cells.get(n, {}) else "–" for n in ["native"] + names]
    yield f"\n| | native | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}\n"
    yield f"| start /bin/true | {' | '.join(starts)} |\n"
    if run.memory:
        memory = [f'{run.memory[n]["peak_kib"] / 1024:.1f} MiB' if n in run.memory else "–" for n in names]
        yield f"| peak memory | – | {' | '.join(memory)} |\n"


def replace_table(path, table):
    """Puts the table between the marks of a Markdown file, in place of the one that is there."""
    with open(path, encoding="utf-8") as file:
        before, begin, rest = file.read().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise SystemExit(f"{path} has no lines {MARKS[0]} and {MARKS[1]}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{table}{end}{after}")


def main():
    parser = argparse.ArgumentParser(description="A page, or tables in Markdown, of what bench has measured.")
    parser.add_argument("--markdown", action="store_true", help="tables instead of the page")
    parser.add_argument("--into", metavar="FILE", help="put the tables between the marks in FILE")
    parser.add_argument("json", help="build/bench/bench.json")
    arguments = parser.parse_args()
    with open(arguments.json, encoding="utf-8") as file:
        run = Run(json.load(file))
    if arguments.into:
        replace_table(arguments.into, "".join(markdown(run)))
        return
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.writelines(markdown(run) if arguments.markdown else page(run))


if __name__ == "__main__":
    main()
