#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what `avatar-agent lipsync` prints for a timing file, as SVG.

usage: plot_mouth.py AVATAR_AGENT TIMING.json TITLE > PLOT.svg

The plots of Sources/LipSync/LipSync.docc are made by it, from the files in Tests/Peers/plots.
"""
import html
import json
import subprocess
import sys

COLOURS = {
    "Rest": "#b0b0b0", "AI": "#d62728", "E": "#ff7f0e", "O": "#9467bd", "U": "#3f51b5",
    "MBP": "#000000", "FV": "#2ca02c", "L": "#17becf", "WQ": "#8c564b", "R": "#bcbd22",
    "CH": "#e377c2", "TH": "#7f7f00",
}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 300, 40, 34, 56


def lines(agent, timing, *options):
    run = subprocess.run(
        [agent, "lipsync", timing, *options], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def main(agent, timing, title):
    frames = lines(agent, timing, "--format", "frames", "--rate", "120")
    phones = lines(agent, timing, "--phones")
    end = frames[-1]["t_ms"]

    def x(time):
        return LEFT + (WIDTH - LEFT - 10) * min(time, end) / end

    def y(weight):
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - weight)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{html.escape(title)}</text>',
    ]
    for phone in phones:
        left, right = x(phone["start_ms"]), x(phone["end_ms"])
        name = "" if phone["phone"] == "sil" else html.escape(phone["phone"])
        shade = "#ffffff" if not name else "#f4f4f4"
        out.append(
            f'<rect x="{left:.1f}" y="{TOP}" width="{max(right - left, 0):.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM}" fill="{shade}" stroke="#dddddd"/>')
        out.append(
            f'<text x="{(left + right) / 2:.1f}" y="{HEIGHT - BOTTOM + 16}" '
            f'text-anchor="middle">{name}</text>')
    for weight in (0, 0.5, 0.9, 1):
        dash = ' stroke-dasharray="4 3"' if weight == 0.9 else ""
        out.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(weight):.1f}" y2="{y(weight):.1f}" '
            f'stroke="#cccccc"{dash}/>')
        out.append(
            f'<text x="{LEFT - 6}" y="{y(weight) + 4:.1f}" text-anchor="end">{weight}</text>')
    shown = [name for name in COLOURS
             if max(frame["weights"].get(name, 0) for frame in frames) > 0.1]
    for name in shown:
        points = " ".join(
            f'{x(frame["t_ms"]):.1f},{y(frame["weights"].get(name, 0)):.1f}' for frame in frames)
        width = 2.5 if name in ("MBP", "FV") else 1.5
        out.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" '
            f'stroke-width="{width}"/>')
    place = LEFT
    for name in shown:
        out.append(
            f'<rect x="{place}" y="{HEIGHT - 24}" width="12" height="12" '
            f'fill="{COLOURS[name]}"/>')
        out.append(f'<text x="{place + 16}" y="{HEIGHT - 14}">{name}</text>')
        place += 60
    out.append(
        f'<text x="{WIDTH - 10}" y="{HEIGHT - 14}" text-anchor="end">{end:.0f} ms</text>')
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__.split("\n\n")[1])
    main(*sys.argv[1:])
