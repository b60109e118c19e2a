# SPDX-License-Identifier: Apache-2.0
"""Hand-written LiveKit subscribers that read RTP timestamps before any jitter buffer, and hold them against the messages.

Reads one JSON object on stdin: "http", the service's address, and "sentences", three of them.
  early  joins at once, and hears the first two; then it unsubscribes, subscribes again and hears the third
  late   joins after the first utterance has ended
Prints one JSON object with what was measured; the test decides. "early" is what came before it
unsubscribed, "again" what came afterwards.
"""
import asyncio, json, sys, time, urllib.request
import aiohttp, aioice, numpy as np
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities
from aiortc.rtp import RtpPacket
from av import AudioResampler, CodecContext, Packet
from livekit.protocol import models, rtc
from reference_sfu import IceMux, Sdp

THRESHOLD = 10 ** (-38 / 20)


def call(base, path, body=None, method="POST"):
    request = urllib.request.Request(base + path, method=method, data=json.dumps(body or {}).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


async def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        await asyncio.sleep(0.01)


def int32(x):
    """What `| 0` makes of a number in JavaScript."""
    return (x + 2**31) % 2**32 - 2**31


class Subscriber:
    """One client of protocol 15: the WebSocket and the subscriber's connection, nothing else."""

    def __init__(self):
        self.ice = aioice.Connection(ice_controlling=False, components=1, use_ipv6=False)
        self.mux, self.certificate = IceMux(), RTCCertificate.generateCertificate()
        self.dtls = RTCDtlsTransport(self.mux, [self.certificate])
        self.dtls._handle_rtp_data = self.rtp
        self.sctp = RTCSctpTransport(self.dtls)
        self.sctp.on("datachannel", lambda channel: channel.on("message", self.data))
        self.streams = {}  # SSRC: {RTP timestamp: payload}
        self.messages, self.rtp0, self.track, self.connecting = [], None, None, None

    async def join(self, url, token):
        await self.ice.gather_candidates()
        self.http = aiohttp.ClientSession()
        self.socket = await self.http.ws_connect(
            f"{url}/rtc?protocol=15&sdk=cpp&version=1.0.0&auto_subscribe=1&adaptive_stream=0", headers={"Authorization": f"Bearer {token}"})
        self.reading = asyncio.ensure_future(self.read())
        await until(lambda: self.streams and self.rtp0 is not None and self.track, 15, "no sound after joining")

    async def leave(self):
        self.reading.cancel()
        for end in (self.sctp.stop, self.dtls.stop, self.ice.close, self.socket.close, self.http.close):
            await end()

    async def read(self):
        async for frame in self.socket:
            if frame.type != aiohttp.WSMsgType.BINARY:
                continue
            message = rtc.SignalResponse.FromString(frame.data)
            kind = message.WhichOneof("message")
            if kind == "offer":
                await self.answer(message.offer)
            elif kind == "trickle" and message.trickle.target == rtc.SUBSCRIBER:
                await self.candidate(json.loads(message.trickle.candidateInit)["candidate"])
            elif kind == "join":
                self.participants(message.join.other_participants)
            elif kind == "update":
                self.participants(message.update.participants)

    def participants(self, participants):
        for participant in participants:
            if "avatar.rtp0" in participant.attributes:
                self.rtp0 = int(participant.attributes["avatar.rtp0"])
                self.track = participant.tracks[0].sid if participant.tracks else self.track

    async def candidate(self, text):
        candidate = aioice.Candidate.from_sdp(text.split(":", 1)[1])
        if candidate.transport == "udp" and candidate.component == 1:
            await self.ice.add_remote_candidate(candidate)

    async def answer(self, description):
        offer = Sdp(description.sdp)
        if self.connecting is None:
            self.ice.remote_username, self.ice.remote_password = offer.get("ice-ufrag"), offer.get("ice-pwd")
            for text in offer.candidates():
                await self.candidate(text)
        fingerprint = next(f.value for f in self.certificate.getFingerprints() if f.algorithm == "sha-256")
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(s.mid for s in offer.secs)]
        for section in offer.secs:
            if section.kind == "application":
                lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", "a=max-message-size:65536"]
            else:
                payload = section.pt_of("opus")
                lines += [f"m=audio 9 UDP/TLS/RTP/SAVPF {payload}", f"a=rtpmap:{payload} opus/48000/2", "a=rtcp-mux"]
                lines += ["a=recvonly" if section.dir in ("sendonly", "sendrecv") else "a=inactive"]
            lines += ["c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", f"a=ice-ufrag:{self.ice.local_username}", f"a=ice-pwd:{self.ice.local_password}"]
            lines += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:active"]
            lines += ["a=candidate:" + c.to_sdp() for c in self.ice.local_candidates]
        answer = rtc.SessionDescription(type="answer", sdp="\r\n".join(lines) + "\r\n", id=description.id)
        await self.socket.send_bytes(rtc.SignalRequest(answer=answer).SerializeToString())
        if self.connecting is None:
            self.connecting = asyncio.ensure_future(self.connect(offer))

    async def connect(self, offer):
        await self.ice.connect()
        self.mux.switch(self.ice)
        self.dtls._set_role("client")
        algorithm, value = offer.get("fingerprint").split()
        await self.dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(algorithm=algorithm, value=value)]))
        await self.sctp.start(RTCSctpCapabilities(maxMessageSize=65536), 5000)

    async def rtp(self, data, arrival_time_ms=None):
        packet = RtpPacket.parse(data)
        self.streams.setdefault(packet.ssrc, {})[packet.timestamp] = packet.payload

    def data(self, data):
        packet = models.DataPacket.FromString(data)
        if packet.WhichOneof("value") == "user":
            message = (packet.user.topic, json.loads(packet.user.payload))
            if message not in self.messages:  # a newcomer gets what runs twice
                self.messages.append(message)

    def speech(self, kind, utterance=None):
        return [m for topic, m in self.messages if topic == "speech" and m["type"] == kind and utterance in (None, m.get("u"))]

    async def heard(self, utterance):
        """Whether it was said to its end; not where the machine stood still and the session gave it up."""
        await until(lambda: self.speech("end", utterance) or self.speech("error", utterance), 20, f"utterance {utterance} did not end here")
        errors = self.speech("error", utterance)
        if errors and errors[0]["code"] != "stalled":
            raise RuntimeError(errors[0]["message"])
        return not errors

    async def subscribe(self, wanted):
        update = rtc.UpdateSubscription(track_sids=[self.track], subscribe=wanted)
        await self.socket.send_bytes(rtc.SignalRequest(subscription=update).SerializeToString())

    def last(self):
        """The newest RTP timestamp of the newest stream."""
        return list(list(self.streams.values())[-1])[-1]


def sound(stream, rtp0):
    """The decoded sound, a sample each 1/48 ms of media time, and the media time of its first sample in samples."""
    codec = CodecContext.create("libopus", "r")
    codec.sample_rate, codec.layout = 48000, "mono"
    resampler = AudioResampler(format="flt", layout="mono", rate=48000)
    parts = {}
    for timestamp in sorted(stream, key=lambda s: (s - rtp0) % 2**32):
        frames = [part for frame in codec.decode(Packet(stream[timestamp])) for part in resampler.resample(frame)]
        parts[(timestamp - rtp0) % 2**32] = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    first, last = min(parts), max(parts)
    pcm = np.zeros(last - first + len(parts[last]), np.float32)
    for at, part in parts.items():
        pcm[at - first : at - first + len(part)] = part[: len(pcm) - (at - first)]
    return pcm, first


def report(subscriber, stream, utterances):
    """The clocks against every packet, and where the sound of each utterance begins."""
    rtp0, clocks = subscriber.rtp0, subscriber.speech("clock")
    deviations = [
        clock["t_ms"] + int32(stamp - clock["rtp"]) / 48 - (stamp - rtp0) % 2**32 / 48 for clock in clocks for stamp in stream]
    pcm, first = sound(stream, rtp0)
    onsets = []
    for utterance in utterances:
        # The first one: it was sent ahead of the sound.
        start = subscriber.speech("start", utterance)[0]["t_ms"]
        at = round(start * 48) - first
        before = max(0, at - 19200)
        near = np.flatnonzero(np.abs(pcm[before : at + 96000]) > THRESHOLD)
        onsets.append({
            "u": utterance, "text": subscriber.speech("start", utterance)[0]["text"], "start_ms": start, "error_ms": (int(near[0]) + before - at) / 48 if len(near) else None})
    return {
        "packets": len(stream), "clocks": len(clocks), "rtp0": rtp0,
        "clock_error_ms": max(map(abs, deviations), default=None), "onsets": onsets,
        "visemes": sum(1 for topic, m in subscriber.messages if topic == "viseme" and m["u"] in utterances),
        "prosody": sum(1 for topic, m in subscriber.messages if topic == "prosody" and m["u"] in utterances),
    }


def shared(one, other):
    """How many payloads that occur but once came to both, and how many of them with another timestamp."""

    def unique(stream):
        stamps = {}
        for stamp, payload in stream.items():
            stamps.setdefault(payload, []).append(stamp)
        return {payload: found[0] for payload, found in stamps.items() if len(found) == 1}

    a, b = unique(one), unique(other)
    common = a.keys() & b.keys()
    return {"packets": len(common), "different": sum(1 for payload in common if a[payload] != b[payload])}


async def main():
    plan = json.load(sys.stdin)
    session = await asyncio.to_thread(call, plan["http"], "/session-live")
    path, url = f"/session-live/{session['session_id']}", session["webrtc"]["url"]

    async def speak(index, *listeners):
        for _ in range(3):
            answer = await asyncio.to_thread(call, plan["http"], path + "/speak", {"text": plan["sentences"][index]})
            if all([await listener.heard(answer["u"]) for listener in listeners]):
                break
        else:
            raise RuntimeError("stalled three times")
        # `end` comes before its sound does.
        stamps = {listener: listener.last() for listener in listeners}
        for listener, stamp in stamps.items():
            await until(lambda: int32(listener.last() - stamp) > 48 * 600, 5, "the sound stopped")
        return answer["u"]

    early, late = Subscriber(), Subscriber()
    await early.join(url, session["webrtc"]["token"])
    spoken = [await speak(0, early)]
    await late.join(url, (await asyncio.to_thread(call, plan["http"], path + "/token"))["token"])
    await until(lambda: late.speech("clock"), 8, "the newcomer got no clock")
    spoken.append(await speak(1, early, late))
    await early.subscribe(False)
    before = late.last()
    await until(lambda: int32(late.last() - before) > 48 * 500, 5, "the other's sound stopped")
    stopped = int32(late.last() - early.last()) / 48
    await early.subscribe(True)
    await until(lambda: len(early.streams) == 2, 5, "no sound after subscribing again")
    spoken.append(await speak(2, early, late))
    first, again = early.streams.values()
    (lates,) = late.streams.values()
    result = {
        "early": report(early, first, spoken[:2]), "again": report(early, again, spoken[2:]), "late": report(late, lates, spoken[1:]),
        "early_late": shared(first, lates), "again_late": shared(again, lates), "stopped_ms": stopped,
    }
    for subscriber in (early, late):
        await subscriber.leave()
    await asyncio.to_thread(call, plan["http"], path, method="DELETE")
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
