"""What a first user does with `avatar-agent demo`.

usage: demo_user.py AGENT SECONDS        AGENT: the avatar-agent program; SECONDS: how long the laptop sleeps
Prints one JSON object.
"""
import asyncio, json, os, re, signal, socket, subprocess, sys, tempfile, time, urllib.request

import numpy as np
from livekit import rtc

from processes import free_port, leave

AGENT = sys.argv[1]
SLEEP = float(sys.argv[2])
LONG = "I tell a long story, so that there is time to fall asleep in the middle of it, and I go on and on, about the weather, the sea and the mountains."
AWAKE = "I am awake again."
WORK = tempfile.mkdtemp(prefix="avatar-demo-")
ENV = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k != "AVATAR_KEY"}


def start(*options):
    return subprocess.Popen([AGENT, "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, cwd=WORK, text=True)


async def greeting(demo):
    lines = []
    while True:
        line = await asyncio.wait_for(asyncio.to_thread(demo.stdout.readline), 60)
        lines.append(line)
        if "Ctrl-C" in line or not line:
            return "".join(lines)


class Listener:
    def __init__(self):
        self.room, self.sound, self.speech, self.tasks, self.ended = rtc.Room(), [], [], [], []
        self.room.on("track_subscribed", lambda track, *_: self.tasks.append(asyncio.ensure_future(self.listen(track))))
        self.room.on("data_received", lambda d: self.speech.append(json.loads(d.data)) if d.topic == "speech" else None)
        self.room.on("disconnected", lambda reason: self.ended.append(int(reason)))

    async def listen(self, track):
        async for event in rtc.AudioStream(track, sample_rate=48000, num_channels=1):
            self.sound.append(float(np.abs(np.frombuffer(event.frame.data, dtype=np.int16)).max()))

    def close(self):
        for task in self.tasks:
            task.cancel()

    def ends(self, text):
        """Whether an utterance of this text has ended."""
        numbers = {m["u"] for m in self.speech if m["type"] == "start" and m["text"] == text}
        return any(m["type"] == "end" and m["u"] in numbers for m in self.speech)

    def outcome(self, u):
        """`end` or `error`, once an utterance has come to it."""
        return next((m["type"] for m in self.speech if m["type"] in ("end", "error") and m["u"] == u), None)

    def said(self):
        # What runs when somebody comes is told again.
        return list({m["u"]: m["text"] for m in self.speech if m["type"] == "start"}.values()), [m["u"] for m in self.speech if m["type"] == "end"]

    async def until(self, condition):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(str(self.speech)[-500:])
            await asyncio.sleep(0.02)


async def ask(request, allowing=None):
    try:
        with await asyncio.to_thread(urllib.request.urlopen, request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != allowing:
            raise
        return json.load(error)


async def post(url, body, **kw):
    return await ask(urllib.request.Request(url, json.dumps(body).encode()), **kw)


async def say(path, text, listener):
    """Has it said to its end, again where the machine stood still and the session gave it up."""
    for _ in range(5):
        u = (await post(path + "/speak", {"text": text}))["u"]
        await listener.until(lambda: listener.outcome(u))
        if listener.outcome(u) == "end":
            return
    raise RuntimeError(str(listener.speech)[-500:])


async def get(url):
    return await ask(urllib.request.Request(url), allowing=410)


async def main():
    http, rooms = free_port(), free_port()
    ports = ["--http-port", str(http), "--room-port", str(rooms)]
    begun = time.monotonic()
    demo = start(*ports)
    result = {}
    try:
        text = await greeting(demo)
        result["seconds_to_start"] = round(time.monotonic() - begun, 2)
        result["addresses"] = [f"ws://127.0.0.1:{rooms}" in text, f"http://127.0.0.1:{http}" in text]
        # Started twice, and with one port free.
        refused = []
        for options in (ports, ["--http-port", str(http), "--room-port", str(free_port())]):
            second = start(*options)
            _, complaint = await asyncio.to_thread(second.communicate, timeout=60)
            sentences = [line for line in complaint.splitlines() if line.startswith("avatar-agent: ")]
            refused.append([second.returncode, len(sentences), "--room-port" in complaint, "--http-port" in complaint])
        result["refused"] = refused
        # The line that it prints, as pasted into a shell.
        line = re.search(r"^  (S=.*)$", text, re.M).group(1)
        printed = (await asyncio.to_thread(subprocess.run, ["bash", "-c", line], capture_output=True, text=True, timeout=60)).stdout
        session, spoken = printed.split("\n", 1)
        result["spoken"] = json.loads(spoken)
        session = json.loads(session)
        listener = Listener()
        await listener.room.connect(session["url"], session["token"])
        await listener.until(lambda: listener.said()[1])
        result["said"] = listener.said()[0]
        result["loudest"] = max(listener.sound) > 1000
        # The laptop sleeps in the middle of a sentence, and wakes.
        path = f"http://127.0.0.1:{http}/session-live/{session['session_id']}"
        await post(path + "/speak", {"text": LONG})
        await listener.until(lambda: LONG in listener.said()[0])
        demo.send_signal(signal.SIGSTOP)
        await asyncio.sleep(SLEEP)
        demo.send_signal(signal.SIGCONT)
        # The session lives on, or it is over and says so: then another takes its place.
        answered = await post(path + "/speak", {"text": AWAKE}, allowing=410)
        if "error" not in answered:
            u = answered["u"]
            while True:
                state = await get(path)
                isOver = any(x["u"] == u and x["state"] in ("ended", "error") for x in state.get("utterances", []))
                if isOver or listener.outcome(u) or state["state"] in ("ended", "failed"):
                    break
                await asyncio.sleep(0.1)
            # Who was away while it was said has it said again; who was given up comes back first.
            if state["state"] not in ("ended", "failed") and listener.outcome(u) != "end":
                if listener.ended:
                    listener.close()
                    listener = Listener()
                    await listener.room.connect(session["url"], session["token"])
                await say(path, AWAKE, listener)
        lives = listener.ends(AWAKE)
        result["after_sleep"] = "lives" if lives else "ended"
        if not lives:
            result["word"] = [(await get(path))["state"], (await post(path + "/speak", {"text": AWAKE}, allowing=410))["error"]["code"]]
            # Who listened sees the speaker go, or was told that it is over.
            await listener.until(lambda: listener.ended or not listener.room.remote_participants)
            listener.close()
            session = (await post(f"http://127.0.0.1:{http}/session-live", {}))
            await listener.room.disconnect()
            listener = Listener()
            await listener.room.connect(session["url"], session["token"])
            await say(f"http://127.0.0.1:{http}/session-live/{session['session_id']}", AWAKE, listener)
        await listener.until(lambda: listener.ends(AWAKE))
        result["awake"] = listener.said()[0][-1]
        result["loud"] = max(listener.sound) > 1000
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as s:
                result[host] = s.connect_ex((host, rooms)) == 0
        demo.send_signal(signal.SIGINT)
        result["exit"] = await asyncio.to_thread(demo.wait, 30)
        await listener.until(lambda: listener.ended)
        result["told"] = listener.ended
        listener.close()
        print(json.dumps(result))
    finally:
        if demo.poll() is None:
            demo.send_signal(signal.SIGCONT)
            demo.kill()


asyncio.run(main())
leave()
