# SPDX-License-Identifier: Apache-2.0
"""aiortc as one end of a connection, for tests that hold the other end.

usage: aiortc_peer.py offer|answer

Speaks JSON, one object a line. Offering, it prints {"say": "offer", "sdp": …} and reads
{"sdp": …}; answering, the other way round with "answer", as often as it is offered. pion_peer and
chromium_peer.py also read {"restart": true} and offer to restart ICE. It sends a tone of 440 Hz, decodes what
it gets, sends every data channel message back on its channel, and opens a channel "theirs" when it
offers. It prints what happens: state, channel (label), echo (label, bytes), audio (frames, rms).
End of input ends it.
"""
import asyncio
import fractions
import json
import math
import struct
import sys

import aioice.ice
import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

# aioice leaves loopback out; tests stay on it.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

SAMPLES = 960
RATE = 48000


def say(kind, **fields):
    print(json.dumps({"say": kind, **fields}), flush=True)


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self):
        super().__init__()
        self.sent = 0
        self.start = None

    async def recv(self):
        loop = asyncio.get_event_loop()
        self.start = self.start or loop.time()
        await asyncio.sleep(max(0, self.start + self.sent / RATE - loop.time()))
        wave = [
            int(8000 * math.sin(2 * math.pi * 440 * (self.sent + i) / RATE))
            for i in range(SAMPLES)
        ]
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(struct.pack(f"<{SAMPLES}h", *wave))
        frame.sample_rate = RATE
        frame.time_base = fractions.Fraction(1, RATE)
        frame.pts = self.sent
        self.sent += SAMPLES
        return frame


async def listen(track):
    """Tells of every 25 frames how loud they are, of full scale 1."""
    frames, power = 0, 0.0
    while True:
        try:
            frame = await track.recv()
        except Exception:
            return
        samples = frame.to_ndarray().astype(float).ravel() / 32768
        power += float((samples**2).mean())
        frames += 1
        if frames % 25 == 0:
            say("audio", frames=frames, rms=math.sqrt(power / 25))
            power = 0.0


def serve(channel):
    say("channel", label=channel.label)

    @channel.on("message")
    def message(data):
        say("echo", label=channel.label, bytes=len(data))
        channel.send(data)


async def main():
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_event_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(Tone())
    peer.on("datachannel", serve)
    peer.on("track", lambda track: loop.create_task(listen(track)))
    peer.on(
        "connectionstatechange",
        lambda: say("state", state=peer.connectionState),
    )
    is_offerer = sys.argv[1] == "offer"
    if is_offerer:
        channel = peer.createDataChannel("theirs")
        channel.on("open", lambda: serve(channel))
        await peer.setLocalDescription(await peer.createOffer())
        say("offer", sdp=peer.localDescription.sdp)
    while line := await reader.readline():
        kind = "answer" if is_offerer else "offer"
        sdp = json.loads(line)["sdp"]
        await peer.setRemoteDescription(RTCSessionDescription(sdp, kind))
        if not is_offerer:
            await peer.setLocalDescription(await peer.createAnswer())
            say("answer", sdp=peer.localDescription.sdp)
    await peer.close()


asyncio.run(main())
