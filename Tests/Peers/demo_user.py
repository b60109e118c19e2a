"""What a first user does with `avatar-agent demo`.

usage: demo_user.py AGENT        AGENT: the avatar-agent program
Prints one JSON object.
"""
import asyncio, json, os, re, signal, socket, subprocess, sys, tempfile, time, urllib.request

import numpy as np
from livekit import rtc

from processes import free_port

AGENT = sys.argv[1]
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

    def said(self):
        # What runs when somebody comes is told again.
        return list({m["u"]: m["text"] for m in self.speech if m["type"] == "start"}.values()), [m["u"] for m in self.speech if m["type"] == "end"]

    async def until(self, condition):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(str(self.speech)[-500:])
            await asyncio.sleep(0.02)


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
        # The laptop sleeps, and wakes.
        demo.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3)
        demo.send_signal(signal.SIGCONT)
        body = json.dumps({"text": "I am awake again."}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{http}/session-live/{session['session_id']}/speak", body)
        with await asyncio.to_thread(urllib.request.urlopen, request, timeout=30) as answer:
            result["after_sleep"] = json.load(answer)["ok"]
        await listener.until(lambda: len(listener.said()[1]) == 2)
        result["said"] = listener.said()[0]
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as s:
                result[host] = s.connect_ex((host, rooms)) == 0
        demo.send_signal(signal.SIGINT)
        result["exit"] = await asyncio.to_thread(demo.wait, 30)
        await listener.until(lambda: listener.ended)
        result["told"] = listener.ended
        for task in listener.tasks:
            task.cancel()
        print(json.dumps(result))
    finally:
        if demo.poll() is None:
            demo.send_signal(signal.SIGCONT)
            demo.kill()


asyncio.run(main())
