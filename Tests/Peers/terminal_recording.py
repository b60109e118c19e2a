# SPDX-License-Identifier: Apache-2.0
"""Records what a first user sees in a terminal, as an SVG that plays by itself: real commands, real answers,
real times. Waits are shortened to two seconds, long lines to the width of the picture.

usage: terminal_recording.py AGENT [--write]        AGENT: the avatar-agent program
Without --write, compares the picture that README.md shows with a new recording: the same lines but for what
differs from run to run, which are identities, tokens and numbers. Prints one JSON object.
"""
import html, json, os, re, subprocess, sys, tempfile, time
import xml.etree.ElementTree

from processes import end, free_port

AGENT = os.path.abspath(sys.argv[1])
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PICTURE = os.path.join(TOP, "Sources/avatar-agent/avatar-agent.docc/Resources/demo.svg")
COLUMNS, LINE, LONGEST_WAIT = 92, 18, 2.0
DEMO = ".build/release/avatar-agent demo"
WORDS = '''{"language":"en","words":[{"text":"Maybe","start_ms":100,"end_ms":480},
                          {"text":"five","start_ms":480,"end_ms":900}]}
'''
# In a second terminal.
COMMANDS = [
    "SESSION=$(curl -s -X POST http://127.0.0.1:8080/session-live)",
    'echo "$SESSION"',
    "ID=$(echo \"$SESSION\" | grep -o 'avatar-[^\"]*' | head -1)",
    '.build/release/avatar-agent speak --session $ID "Maybe five."',
    "curl -s http://127.0.0.1:8080/session-live/$ID | grep -o '\"state.*u.:1[^}]*}'",
    "cat words.json",
    ".build/release/avatar-agent lipsync --timing words.json | head -5",
]


class Recording:
    """Lines with the time at which each appeared."""

    def __init__(self):
        self.lines, self.begun, self.skipped = [], time.monotonic(), 0.0

    def add(self, text, kind):
        now = time.monotonic() - self.begun - self.skipped
        last = self.lines[-1][0] if self.lines else 0.0
        self.skipped += max(0.0, now - last - LONGEST_WAIT)
        now = min(now, last + LONGEST_WAIT)
        for line in text.split("\n"):
            line = line if len(line) <= COLUMNS else line[:COLUMNS - 1] + "\u2026"
            self.lines.append((round(now, 2), kind, line))

    def typed(self, command):
        """A reader needs a moment for each command."""
        self.skipped -= 1.0
        self.add("$ " + command, "typed")


def record():
    http, rooms, recording = free_port(), free_port(), Recording()
    plain = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k != "AVATAR_KEY"}
    shown = lambda text: text.replace(f":{http}", ":8080").replace(f":{rooms}", ":7880")

    def used(command):
        command = command.replace(":8080", f":{http}").replace(".build/release/avatar-agent", AGENT)
        return command.replace(" speak ", f" speak --server http://127.0.0.1:{http} ")

    with tempfile.TemporaryDirectory(prefix="avatar-recording-") as work:
        with open(f"{work}/words.json", "w") as file:
            file.write(WORDS)
        recording.typed(DEMO)
        demo = subprocess.Popen([AGENT, "demo", "--http-port", str(http), "--room-port", str(rooms)], cwd=work, env=plain,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            for line in demo.stdout:
                recording.add(shown(line.rstrip("\n")), "said")
                if "Ctrl-C" in line:
                    break
            shell = subprocess.Popen(["bash"], cwd=work, env=plain, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for command in COMMANDS:
                if command == COMMANDS[0]:
                    recording.add("", "said")
                recording.typed(command)
                shell.stdin.write(used(command) + "; echo END\n")
                shell.stdin.flush()
                for line in shell.stdout:
                    if line == "END\n":
                        break
                    if line.strip():
                        recording.add(shown(line.rstrip("\n")), "said")
            shell.stdin.close()
            shell.wait(30)
        finally:
            end(demo, 30)
    return recording.lines


def drawn(lines):
    """The picture: each line appears at its time; who wants no motion sees all of them at once."""
    width, height = 24 + round(COLUMNS * 7.83), 52 + LINE * len(lines)
    rows = []
    for number, (moment, kind, text) in enumerate(lines):
        rows.append(f'<text class="{kind}" x="14" y="{56 + LINE * number}" style="animation-delay:{moment}s">{html.escape(text)}</text>')
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title>avatar-agent demo in a terminal</title>
<style>
text {{ font: 13px/1 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #c9d1d9; animation: shown 0.01s both; }}
.typed {{ fill: #7ee787; }}
@keyframes shown {{ from {{ opacity: 0; }} to {{ opacity: 1; }} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none; }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<circle cx="20" cy="20" r="6" fill="#ff5f56"/><circle cx="40" cy="20" r="6" fill="#ffbd2e"/><circle cx="60" cy="20" r="6" fill="#27c93f"/>
{chr(10).join(rows)}
</svg>
"""


def shape(lines):
    """The lines without what is another every time."""
    return [re.sub(r'avatar-[\w-]{10,}[.\w-]*|"weights":\{[^}]*\}|eyJ[\w.-]*|[\d.]+|\u2026', "#", text) for text in lines]


def main():
    lines = record()
    if "--write" in sys.argv:
        os.makedirs(os.path.dirname(PICTURE), exist_ok=True)
        with open(PICTURE, "w", encoding="utf-8") as file:
            file.write(drawn(lines))
    root = xml.etree.ElementTree.parse(PICTURE).getroot()
    kept = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    new = [text for _, _, text in lines]
    differing = [pair for pair in zip(shape(kept), shape(new)) if pair[0] != pair[1]]
    print(json.dumps({"lines": len(new), "kept": len(kept), "seconds": lines[-1][0], "differing": differing}))


main()
