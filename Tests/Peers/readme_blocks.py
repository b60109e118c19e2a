# SPDX-License-Identifier: Apache-2.0
"""The fenced blocks of README.md: what a reader copies.

The first word after the fence says what a block is, the second where it is meant to run: `docker`
and `cloud` are not at hand in a test. A block of a kind that no test knows is refused here.
"""
import re
from typing import NamedTuple

KINDS = {
    "sh": "run by readme_commands.py",
    "sh docker": "read by readme_files.py",
    "sh cloud": "read by readme_files.py",
    "html": "opened in Chromium by readme_clients.py",
    "dart": "read by readme_clients.py",
    "nginx": "served by readme_proxy.py",
    "yaml agent.yaml": "served by readme_proxy.py",
    "yaml compose.yaml": "read by readme_files.py",
    "yaml livekit.yaml": "read by readme_files.py",
    "dockerfile docker": "read by readme_files.py",
    "ini": "read by readme_files.py",
}


class Block(NamedTuple):
    kind: str
    line: int
    section: str
    text: str


def blocks(path):
    """All blocks in their order."""
    found, section, opened = [], "", None
    for number, line in enumerate(open(path, encoding="utf-8").read().split("\n"), 1):
        if opened:
            if line == "```":
                found.append(Block(opened[0], opened[1], section, "\n".join(opened[2]) + "\n"))
                opened = None
            else:
                opened[2].append(line)
        elif line.startswith("```"):
            kind = line[3:].strip()
            if kind not in KINDS:
                raise SystemExit(f"README.md:{number}: no test knows blocks of the kind '{kind}'")
            opened = (kind, number, [])
        elif line.startswith("## "):
            section = line[3:]
    if opened:
        raise SystemExit(f"README.md:{opened[1]}: the block does not end")
    return found


def one(path, kind):
    """The only block of a kind."""
    of_kind = [block for block in blocks(path) if block.kind == kind]
    if len(of_kind) != 1:
        raise SystemExit(f"README.md has {len(of_kind)} blocks of the kind '{kind}', not one")
    return of_kind[0]


def commands(block):
    """The commands of a shell block, a here-document with the command that reads it."""
    found, end = [], None
    for line in block.text.splitlines():
        if end:
            found[-1] += "\n" + line
            end = None if line == end else end
        elif line and not line.startswith("#"):
            found.append(line)
            here = re.search(r"<<'(\w+)'", line)
            end = here and here[1]
    return found
