# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of README.md as a reader does: one block after the other, in a shell, in a folder
that looks like a built clone.

Other than at the reader's, ports are free ones, addresses are loopback, nothing is installed or built
(the parts of those lines are looked at one by one), and the room server that the page supposes in
docker is the program's own. SESSION_ID is what the last answer named, as a reader fills it in.

usage: readme_commands.py README AGENT        AGENT: the avatar-agent program
Prints one JSON object: the number of commands in each section, and what they gave.
"""
import asyncio, json, os, re, shutil, subprocess, sys, tempfile, urllib.error, urllib.request

from livekit import rtc

from processes import end, free_port, leave, wait_for
from readme_blocks import blocks, commands

README, AGENT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CLONE, BUILT = os.path.dirname(README), os.path.dirname(AGENT)
PROGRAMS = ["avatar-agent", "avatar-voice-flite", "avatar-voice-espeak", "avatar-bench"]
STATIC = ["--static-swift-stdlib", "-Xlinker", "-s"]
SERVICE = re.compile(r"\.build/release/avatar-agent (demo|start|room-server)\b[^&]*( &)?$")


class Reader:
    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="avatar-readme-")
        os.makedirs(f"{self.work}/clone/.build/release")
        self.clone = f"{self.work}/clone"
        for name in [".ci", "Package.swift", "Sources", "agent.yaml"]:
            os.symlink(f"{CLONE}/{name}", f"{self.clone}/{name}")
        for name in PROGRAMS:
            os.symlink(f"{BUILT}/{name}", f"{self.clone}/.build/release/{name}")
        # Whoever would install or build something is stopped.
        os.makedirs(f"{self.work}/bin")
        for name in ["apt-get", "sudo", "swift", "docker", "systemctl"]:
            with open(f"{self.work}/bin/{name}", "w") as file:
                file.write(f"#!/bin/sh\necho {name} was called: $@ >&2\nexit 99\n")
            os.chmod(file.name, 0o755)
        self.ports = {name: free_port() for name in ["7880", "8080", "8081"]}
        plain = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k != "AVATAR_KEY"}
        # Where the page's room server is unless it says otherwise.
        self.plain = dict(plain, PATH=f"{self.work}/bin:{plain['PATH']}", LIVEKIT_URL=self.here("ws://127.0.0.1:7880"))
        self.session, self.running, self.ran, self.heard, self.answers, self.room_key = None, {}, {}, None, [], None

    def here(self, text):
        """A text of the page, with this machine's ports and addresses."""
        for port, free in self.ports.items():
            text = text.replace(":" + port, f":{free}")
        text = text.replace("192.168.1.20", "127.0.0.1")
        if "SESSION_ID" in text:
            text = text.replace("SESSION_ID", self.session or "no-session-yet")
        return text

    def read(self, block):
        environment = dict(self.plain)
        for command in commands(block):
            where = f"README.md:{block.line}: {command.splitlines()[0]}"
            self.ran[block.section] = self.ran.get(block.section, 0) + 1
            if block.section == "Test":
                self.check_tests(block.text, where)
                continue
            parts = command.split(" && ")
            for part in parts[:-1] if len(parts) > 1 else []:
                self.prepare(part, where)
            last = parts[-1]
            if last.startswith("swift build"):
                self.prepare(last, where)
            elif SERVICE.match(last):
                self.serve(last, environment, where)
            elif " connect " in last:
                self.heard = asyncio.run(self.listened(last, environment, where))
            else:
                self.run(last, environment, where)

    def shell(self, command, environment, seconds=120):
        """What a command says; what it exports stays in the environment."""
        variables = f"{self.work}/variables"
        script = self.here(command) + f"\nenv -0 > {variables}\n"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.clone, env=environment,
                              capture_output=True, text=True, timeout=seconds)
        if done.returncode == 0:
            pairs = [pair.split("=", 1) for pair in open(variables).read().split("\0") if "=" in pair]
            environment.update((k, v) for k, v in pairs if k not in ("_", "SHLVL", "PWD"))
        return done

    def run(self, command, environment, where):
        if " doctor" in command:
            # The reader asks it before something else has the port.
            command += f" --port {free_port()}"
        if " speak " in command:
            command += " --server http://127.0.0.1:8080"
        done = self.shell(command, environment)
        if done.returncode:
            raise SystemExit(f"{where}\nended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        if command.startswith("curl") and "metrics" not in command:
            answer = json.loads(done.stdout)
            if isinstance(answer, dict):
                if "error" in answer:
                    raise SystemExit(f"{where}\nwas answered with {answer}")
                self.session = answer.get("session_id", self.session)
            self.answers.append(where.split(": ", 1)[1])
        elif not command.startswith(("export ", "tar ")) and not done.stdout.strip():
            raise SystemExit(f"{where}\nsaid nothing")
        if " lipsync " in command and command.endswith("END"):
            for line in done.stdout.splitlines():
                weights = json.loads(line)["weights"].values()
                if not 0.95 <= sum(weights) <= 1.05:
                    raise SystemExit(f"{where}\nprinted {line}")

    def prepare(self, part, where):
        """Installing and building, without doing it."""
        words = part.split()
        if words[0] == ".ci/install":
            # Everything is here, so it must find nothing to do, twice.
            for _ in range(2):
                done = self.shell(part, dict(self.plain))
                if done.returncode or done.stdout or done.stderr:
                    raise SystemExit(f"{where}\n{part} is not done already: {done.stdout}{done.stderr}")
        elif words[:4] == ["swift", "build", "-c", "release"] and words[4:] in ([], STATIC):
            manifest = open(f"{CLONE}/Package.swift").read()
            for name in PROGRAMS:
                if f'.executable(name: "{name}"' not in manifest or not os.access(f"{BUILT}/{name}", os.X_OK):
                    raise SystemExit(f"{where}\n{name} is no product")
        else:
            raise SystemExit(f"{where}\nnobody knows how to try: {part}")

    def check_tests(self, text, where):
        """The line by which this runs; the gate must find it."""
        gate = open(f"{CLONE}/.ci/run").read()
        script = re.search(r"awk '(.*?)' README.md", gate)[1]
        found = subprocess.run(["awk", script, README], capture_output=True, text=True, check=True).stdout
        if found != text or len(text.splitlines()) != 1:
            raise SystemExit(f"{where}\nis not the one line that .ci/run runs: {found}")
        parts = text.strip().split(" && ")
        self.prepare(parts[0], where)
        if not all(part.startswith("swift test ") for part in parts[1:]):
            raise SystemExit(f"{where}\nruns something else than tests")

    # Services

    def serve(self, command, environment, where):
        kind = SERVICE.match(command)[1]
        for old in ["start", "demo"] if kind == "start" else ["start", "demo", "room-server"]:
            self.end(old)
        options = {
            "demo": ["--http-port", self.ports["8080"], "--room-port", self.ports["7880"]],
            "start": ["--port", self.ports["8080"], "--operator-port", self.ports["8081"]],
            "room-server": ["--room-port", self.ports["7880"]],
        }[kind]
        environment = {name: self.here(value) for name, value in environment.items()}
        if kind == "start":
            self.suppose_room_server(environment)
        words = self.here(command.removesuffix(" &")).split() + [str(option) for option in options]
        if kind == "room-server":
            self.room_key = environment.get("LIVEKIT_API_KEY")
        log = open(f"{self.work}/{kind}.log", "w+")
        self.running[kind] = process = subprocess.Popen(words, cwd=self.clone, env=environment, stdout=log, stderr=log)
        port = self.ports["7880" if kind == "room-server" else "8080"]
        wait_for(f"http://127.0.0.1:{port}/" + ("" if kind == "room-server" else "health"), process, seconds=60, attempt=5)
        if kind == "start":
            self.check_key(environment, where)

    def suppose_room_server(self, environment):
        """The page speaks of a LiveKit server at hand: the one of the block itself, or this."""
        if "room-server" in self.running and environment.get("LIVEKIT_API_KEY") == self.room_key:
            return
        self.serve(".build/release/avatar-agent room-server", environment, "")

    def end(self, kind):
        process = self.running.pop(kind, None)
        if process and (status := end(process, 30)) != 0:
            raise SystemExit(f"{kind} ended with {status}: {open(f'{self.work}/{kind}.log').read()[-2000:]}")

    def check_key(self, environment, where):
        """With AVATAR_KEY set, only who shows it may open a session."""
        for key in [None, environment.get("AVATAR_KEY")]:
            request = urllib.request.Request(self.here("http://127.0.0.1:8080/session-live"), b"")
            if key:
                request.add_header("Authorization", f"Bearer {key}")
            try:
                status = urllib.request.urlopen(request, timeout=60).status
            except urllib.error.HTTPError as refusal:
                status = refusal.code
            wanted = 401 if "AVATAR_KEY" in environment and not key else 201
            if status != wanted:
                raise SystemExit(f"{where}\nopens a session with {status}, not {wanted}")

    async def listened(self, command, environment, where):
        """Joins the room of a command that speaks into it; what was heard there."""
        room_name = re.search(r"--room (\w+)", command)[1]
        token = self.shell(f".build/release/avatar-agent token --room {room_name}", dict(environment)).stdout.strip()
        room, said, ended = rtc.Room(), [], asyncio.Event()

        def received(packet):
            message = json.loads(packet.data)
            if message.get("type") == "start":
                said.append(message["text"])
            if message.get("type") == "end":
                ended.set()

        room.on("data_received", received)
        await room.connect(environment["LIVEKIT_URL"], token)
        done = await asyncio.to_thread(self.shell, command, environment)
        if done.returncode:
            raise SystemExit(f"{where}\nended with {done.returncode}: {done.stderr[-1000:]}")
        try:
            await asyncio.wait_for(ended.wait(), 60)
        except TimeoutError:
            raise SystemExit(f"{where}\nwas heard to say {said} and not to end") from None
        await room.disconnect()
        return said[0]


def main():
    reader = Reader()
    try:
        for block in blocks(README):
            if block.kind == "sh":
                reader.read(block)
        for kind in ["start", "demo", "room-server"]:
            reader.end(kind)
        print(json.dumps({"ran": reader.ran, "heard": reader.heard, "answers": len(reader.answers)}))
    finally:
        for process in reader.running.values():
            end(process, 10)
        shutil.rmtree(reader.work)


main()
leave()
