# SPDX-License-Identifier: Apache-2.0
"""Reads what README.md gives for places that no test has: docker, a cloud, a server with systemd.

usage: readme_files.py README AGENT        AGENT: the avatar-agent program
Prints one JSON object; ends with a sentence at the first thing that cannot be right.
"""
import json, os, re, shutil, subprocess, sys, tempfile

import yaml

from readme_blocks import blocks, commands, one

README, AGENT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CLONE, BUILT = os.path.dirname(README), os.path.dirname(AGENT)
SHIPPED = ["avatar-agent", "avatar-voice-flite", "avatar-voice-espeak"]
# What livekit-server 1.13 knows; an unknown key ends it.
LIVEKIT = {
    "port", "bind_addresses", "redis", "rtc", "keys", "key_file", "logging", "room", "webhook", "audio", "turn",
    "region", "limit", "prometheus_port", "development", "node_selector", "agents",
}
LIVEKIT_RTC = {
    "udp_port", "tcp_port", "port_range_start", "port_range_end", "use_external_ip", "advertise_internal_ip",
    "node_ip", "stun_servers", "turn_servers", "interfaces", "ips", "use_ice_lite", "force_tcp",
}
SERVER_OPTIONS = {"--dev", "--bind", "--node-ip", "--config", "--keys"}
DOCKERFILE = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}


def check(condition, words):
    if not condition:
        raise SystemExit(f"README.md: {words}")


def installed(text):
    """The packages of an apt-get install, without what follows them."""
    words = re.search(r"apt-get install([^&\n\\]*)", text)[1].split()
    return sorted(word for word in words if not word.startswith("-"))


def run_time_packages():
    """The Debian packages of the libraries that the built programs name, without the C library's own."""
    names = {"ca-certificates"}
    for program in SHIPPED:
        wanted = subprocess.run(["readelf", "-d", f"{BUILT}/{program}"], capture_output=True, text=True, check=True).stdout
        for name in re.findall(r"NEEDED.*\[(.*)\]", wanted):
            # The toolchain's libraries are linked statically in what is shipped.
            if re.match(r"libswift|libc\.so|libm\.so|ld-linux|libgcc_s|libFoundation|lib_Foundation|libdispatch|libBlocks", name):
                continue
            said = subprocess.run(["dpkg-query", "-S", f"*/{name}"], capture_output=True, text=True).stdout
            # Other packages may hold a library of that name for themselves, in folders of their own.
            owners = re.findall(rf"^([\w.+-]+)\S*: /(?:usr/)?lib/[^/]+/{re.escape(name)}$", said, re.M)
            check(len(set(owners)) == 1, f"{name}, which {program} needs, is of {owners}")
            names.add(owners[0])
    # The static standard library is C++ inside.
    return sorted(names | {"libstdc++6"})


def shell_blocks():
    """What is written for docker and the cloud is at least a shell's language, and names what exists."""
    count = 0
    for block in blocks(README):
        if block.kind not in ("sh docker", "sh cloud"):
            continue
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
        for command in commands(block):
            count += 1
            words = command.split()
            if words[:2] == ["docker", "build"]:
                check(words[2:] == ["-t", "avatar-agent", "."], f"{command} makes something else")
            elif words[:2] == ["docker", "run"] and "avatar-agent" in words:
                rest = words[words.index("avatar-agent") + 1:]
                check(rest == ["demo"] and "host" in words or not rest and "8080:8080" in words, f"{command} shows no service")
            elif words[0] == "docker":
                image = words.index("livekit/livekit-server")
                options = {word for word in words[image:] if word.startswith("--")}
                check(options <= SERVER_OPTIONS, f"livekit-server has no {options - SERVER_OPTIONS}")
            elif words[0] == "export":
                names = {word.split("=")[0] for word in words[1:]}
                check(names == {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"}, f"line {block.line}: {names}")
            elif words[0] == ".build/release/avatar-agent":
                done = subprocess.run([AGENT, words[1], "--help"], capture_output=True)
                check(done.returncode == 0, f"there is no command {words[1]}")
            elif words[0] == "tar":
                made = next(c for b in blocks(README) if b.kind == "sh" for c in commands(b) if c.startswith("tar "))
                check(words[2] == made.split()[2] and set(SHIPPED) == set(made.split()[5:]), f"{command} takes another archive")
            else:
                check(words[0] in ("apt-get", "systemctl"), f"line {block.line}: nobody knows {words[0]}")
    return count


def packages():
    """Both lists of packages name what the programs need, and nothing more."""
    needed = run_time_packages()
    for kind, line in [("sh cloud", "apt-get install --"), ("dockerfile docker", "apt-get install -y")]:
        text = next(block.text for block in blocks(README) if block.kind == kind and line in block.text)
        check(installed(text[text.index(line):]) == needed, f"{kind} installs {installed(text)}, needed are {needed}")
    return needed


def error_codes():
    """The page lists every error that the service can answer with."""
    made = set()
    for path in ["Sources/TokenIssuer/APIError.swift", "Sources/TokenIssuer/Issuer+Sessions.swift", "Sources/Web/HTTPServer/HTTPRefusal.swift"]:
        text = open(f"{CLONE}/{path}", encoding="utf-8").read()
        made |= set(re.findall(r'(?:APIError|HTTPRefusal)\(\s*(\d{3}), "(\w+)"', text))
    made.discard(("426", "upgrade_required"))  # for websockets, of which the service has none
    page = re.search(r"^Errors are .*?\n\n", open(README, encoding="utf-8").read(), re.M | re.S)[0]
    told = set()
    for part in re.sub(r"\s+", " ", page.split(":", 2)[2]).split("\u00b7"):
        told |= {(re.search(r"\d{3}", part)[0], code) for code in re.findall(r"`([a-z_]+)`", part)}
    check(told == made, f"the errors differ: {sorted(told ^ made)}")
    return len(told)


def static_libraries():
    """Every library of the toolchain that the programs need is there to be linked statically too."""
    count = 0
    for program in SHIPPED:
        said = subprocess.run(["ldd", f"{BUILT}/{program}"], capture_output=True, text=True, check=True).stdout
        for name, folder in re.findall(r"lib(\w+)\.so => (\S+/swift)/linux/", said):
            count += 1
            check(os.path.exists(f"{folder}_static/linux/lib{name}.a"), f"{program} needs {name}, which is not static")
    return count


def mouths():
    """The table of classes is the one that the program itself has for ARKit."""
    source = open(f"{CLONE}/Sources/LipSync/Systems/ARKitFace.swift", encoding="utf-8").read()
    rows = re.findall(r'row\("(.*?)"\)', source[source.index("static let classes"):].split("]\n")[0])
    names = re.findall(r'^\s+case \.\w+: "(\w+)"', open(f"{CLONE}/Sources/LipSync/Viseme.swift", encoding="utf-8").read(), re.M)
    page = open(README, encoding="utf-8").read()
    table = re.findall(r"^\| `(\w+)` \| .*? \|(?: `(.*?)`)? \|$", page[page.index("## The mouth"):].split("\n## ")[0], re.M)
    check(len(rows) == 12 and table == list(zip(names, rows)), f"the mouth has {list(zip(names, rows))}")
    return len(table)


def containers():
    compose = yaml.safe_load(one(README, "yaml compose.yaml").text)
    server = yaml.safe_load(one(README, "yaml livekit.yaml").text)
    check(set(compose) == {"services"}, "compose.yaml has more than services")
    files = {block.kind.split()[1] for block in blocks(README) if block.kind.startswith("yaml ")}
    for name, service in compose["services"].items():
        check(("image" in service) != ("build" in service), f"{name} is neither an image nor built")
        for volume in service["volumes"]:
            here, there, *_ = volume.split(":")
            check(os.path.basename(here) in files, f"{here} is not on the page")
            check(there in service["command"], f"{name} does not read {there}")
        names = set(service.get("environment", {}))
        check(names <= {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "AVATAR_KEY"}, f"{name} has {names}")
    check(set(server) <= LIVEKIT and set(server["rtc"]) <= LIVEKIT_RTC, "livekit.yaml has an unknown key")
    check(all(type(server["rtc"][key]) is int for key in ("tcp_port", "udp_port")), "livekit.yaml has ports that are none")
    key = compose["services"]["avatar-agent"]["environment"]["LIVEKIT_API_KEY"]
    check(set(server["keys"]) == {key}, "compose.yaml and livekit.yaml name different keys")
    check(all(len(secret) >= 32 for secret in server["keys"].values()), "livekit-server wants longer secrets")
    return sorted(compose["services"])


def dockerfile():
    text = one(README, "dockerfile docker").text.replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line]
    check({line[0] for line in lines} <= DOCKERFILE, "the Dockerfile has an unknown instruction")
    for word, rest in lines:
        if word == "RUN":
            subprocess.run(["bash", "-n"], input=rest, text=True, check=True)
        if word in ("ENTRYPOINT", "CMD"):
            check(isinstance(json.loads(rest), list), f"{word} is no list")
    copied = [os.path.basename(path) for word, rest in lines if word == "COPY" for path in rest.split()[1:-1] if "release" in path]
    check(sorted(copied) == sorted(SHIPPED), f"the image holds {copied}")
    built = next(rest for word, rest in lines if word == "RUN")
    static = next(c for b in blocks(README) if b.kind == "sh" for c in commands(b) if "static" in c)
    check(static in built, f"the image is not built by {static}")
    return len(lines)


def unit():
    """systemd's own judgement, with the program where it is here."""
    text = one(README, "ini").text
    command = re.search(r"^ExecStart=(\S+) (\w+)", text, re.M)
    check(os.path.basename(command[1]) == "avatar-agent" and command[2] == "start", "the unit starts something else")
    if not shutil.which("systemd-analyze"):
        return "skipped: there is no systemd-analyze"
    with tempfile.TemporaryDirectory(prefix="avatar-unit-") as folder:
        with open(f"{folder}/avatar-agent.service", "w") as file:
            file.write(text.replace(command[1], AGENT))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", file.name], capture_output=True, text=True)
        about = [line for line in done.stderr.splitlines() if "avatar-agent.service" in line]
        check(done.returncode == 0 and not about, f"systemd says: {done.stderr}")
    return "verified"


print(json.dumps({
    "commands": shell_blocks(), "packages": packages(), "services": containers(), "dockerfile": dockerfile(), "unit": unit(),
    "errors": error_codes(), "static": static_libraries(), "mouths": mouths(),
}))
