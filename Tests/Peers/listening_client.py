"""An official LiveKit client that gets a token from the HTTP service, listens, and measures what it heard.

Reads one JSON object on stdin:
  http        the service's address
  sentences   what to have said, one utterance each
  references  for each sentence {"pcm": path of float32 48 kHz mono, "phones": [[symbol, start_ms, end_ms]…],
              "onset_ms": first sample above −38 dBFS}
  mode        "plain"; "late": a second listener joins after the first utterance, and a third after
              the first has left; "three": three listeners from the start; "rooms": two sessions, a
              listener each, speak at once, the first one the first sentence, the second one the
              second; "cut": see cut_session
Prints one JSON object with what was measured; the test decides.
"""
import asyncio, base64, json, sys, threading, time, urllib.request
import numpy as np
from livekit import rtc

from processes import leave

RATE = 48000


def call(base, path, body=None, method="POST"):
    request = urllib.request.Request(base + path, method=method, data=json.dumps(body or {}).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class Disturbance(threading.Thread):
    """How long the machine let a thread wait that only wanted to sleep for 5 ms, at most.

    Sound is heard in real time. Where everybody has to wait for the processor, a jitter buffer
    stretches what it plays, and nothing can be said of who sent it.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.worst = 0.0
        self.start()

    def run(self):
        while True:
            before = time.monotonic()
            time.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - before - 0.005)


disturbance = Disturbance()


def tell(result):
    print(json.dumps({**result, "disturbed_ms": disturbance.worst * 1000}))


class Listener:
    """One official client: its sound as one array, its messages in order."""

    def __init__(self, name):
        self.name, self.room, self.sound, self.messages, self.tasks = name, rtc.Room(), [], [], []
        self.subscribed = asyncio.Event()
        self.room.on("data_received", self.data)
        self.room.on("track_subscribed", self.track)

    def data(self, packet):
        self.messages.append((packet.topic, json.loads(bytes(packet.data)), packet.participant))

    def track(self, track, publication, participant):
        self.participant = participant
        self.tasks.append(asyncio.ensure_future(self.listen(track)))
        self.subscribed.set()

    async def listen(self, track):
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            self.sound.append(np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32) / 32768)

    async def join(self, url, token):
        await self.room.connect(url, token)
        await asyncio.wait_for(self.subscribed.wait(), 30)

    async def leave(self):
        for task in self.tasks:
            task.cancel()
        await self.room.disconnect()

    def pcm(self):
        return np.concatenate(self.sound) if self.sound else np.zeros(0, np.float32)

    def speech(self, kind, u=None):
        """Messages of one kind; a newcomer gets what runs twice, so equal ones count once."""
        found = []
        for topic, message, _ in self.messages:
            if topic == "speech" and message["type"] == kind and u in (None, message.get("u")) and message not in found:
                found.append(message)
        return found

    @property
    def heard(self):
        """Samples of sound so far."""
        return sum(map(len, self.sound))

    async def hear_more(self, seconds):
        """Waits until so much more sound has come: what was sent before is heard then."""
        wanted = self.heard + seconds * RATE
        await self.until(lambda: self.heard >= wanted, 30)

    def finished(self, u):
        return any(m.get("u") == u for kind in ("end", "interrupted", "error") for m in self.speech(kind))

    async def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the avatar did not get there")
            await asyncio.sleep(0.02)


def energies(sound, hop=480):
    n = len(sound) // hop
    return np.sqrt((sound[: n * hop].reshape(n, hop) ** 2).mean(axis=1))


def best_offset(long, short):
    """Where `short` fits into `long`, by normalised correlation of the energies, in samples."""
    a, b = energies(long), energies(short)
    if len(a) < len(b):
        return None, 0.0
    b0 = (b - b.mean()) / (b.std() + 1e-12)
    scores = []
    for k in range(len(a) - len(b) + 1):
        w = a[k : k + len(b)]
        scores.append(float(((w - w.mean()) * b0).mean() / (w.std() + 1e-12)))
    k = int(np.argmax(scores))
    return k * 480, scores[k]


def fine(long, short, around, reach=960):
    """The sample at which `short` fits best within `reach` of `around`, and how well."""
    lo = max(0, around - reach)
    part = long[lo : around + reach + len(short)]
    if len(part) < len(short) or not np.any(short):
        return around, 0.0
    size = 1 << int(np.ceil(np.log2(len(part) + len(short))))
    cross = np.fft.irfft(np.fft.rfft(part, size) * np.conj(np.fft.rfft(short, size)), size)[: len(part) - len(short) + 1]
    power = np.concatenate([[0], np.cumsum(part.astype(np.float64) ** 2)])
    norm = np.sqrt(np.maximum(power[len(short) :] - power[: -len(short)], 1e-9)) * np.linalg.norm(short)
    score = cross / norm[: len(cross)]
    k = int(np.argmax(score))
    return lo + k, float(score[k])


def hear(sound, reference, start=0):
    """How well one utterance came through."""
    rough, _ = best_offset(sound[start:], reference)
    if rough is None:
        return {"envelope": 0, "waveform": 0, "at": None}
    rough += start
    # One common shift by the loudest half second, then the envelope sample-exact.
    loud = int(np.argmax(energies(reference, 2400))) * 2400
    piece = reference[max(0, loud - 12000) : loud + 12000]
    base = max(0, loud - 12000)
    at, _ = fine(sound, piece, rough + base, 1440)
    shift = at - base
    heard = sound[max(0, shift) : shift + len(reference)]
    heard = np.pad(heard, (max(0, -shift), max(0, len(reference) - len(heard) - max(0, -shift))))
    a, b = energies(heard), energies(reference)
    envelope = float(np.corrcoef(a, b)[0, 1])
    scores = []
    for k in range(0, len(reference) - 9600, 4800):
        window = reference[k : k + 9600]
        if np.sqrt((window**2).mean()) > 0.01:
            scores.append(fine(sound, window, shift + k, 480)[1])
    return {"envelope": envelope, "waveform": float(np.median(scores)) if scores else 0, "at": shift * 1000 / RATE}


def weights_at(frames, t):
    before = [f for f in frames if f[0] <= t]
    after = [f for f in frames if f[0] > t]
    if not before or not after:
        return {}
    (ta, a), (tb, b) = before[-1], after[0]
    share = (t - ta) / (tb - ta) if tb > ta else 0
    return {k: a.get(k, 0) + (b.get(k, 0) - a.get(k, 0)) * share for k in set(a) | set(b)}


def report(listener, references, first=1):
    sound, out, search = listener.pcm(), [], 0
    visemes = [m for t, m, _ in listener.messages if t == "viseme"]
    prosody = [m for t, m, _ in listener.messages if t == "prosody"]
    for index, reference in enumerate(references):
        u = first + index
        starts = listener.speech("start", u)
        if len(starts) != 1:
            out.append({"u": u, "starts": len(starts)})
            continue
        pcm = np.fromfile(reference["pcm"], dtype=np.float32)
        entry = {"u": u, "starts": 1, "ends": len(listener.speech("end", u)), **hear(sound, pcm, search)}
        if entry["at"] is not None:
            search = int(entry["at"] * RATE / 1000) + len(pcm) // 2
        base = starts[0]["t_ms"] - reference["onset_ms"]
        entry["base_ms"] = base
        entry["delay_ms"] = None if entry["at"] is None else entry["at"] - base
        frames = sorted([(m["t_ms"], m["weights"]) for m in visemes if m["u"] == u], key=lambda f: f[0])
        closures = []
        for symbol, start, end in reference["phones"]:
            if symbol in ("M", "B", "P"):
                times = np.arange(base + start, base + end + 0.5, 2)
                closures.append(max((weights_at(frames, t).get("MBP", 0) for t in times), default=0))
        entry["closures"] = closures
        entry["viseme_gap_ms"] = max((b[0] - a[0] for a, b in zip(frames, frames[1:])), default=0)
        entry["viseme_rate"] = len(frames) * 1000 / max(1, frames[-1][0] - frames[0][0]) if len(frames) > 1 else 0
        words = [m for m in listener.speech("words", u)]
        entry["words"] = [w for m in words for w in m["words"]]
        entry["word_times"] = [m["t_ms"] - base + t for m in words for t in m["word_times"]]
        out.append(entry)
    return {
        "utterances": out,
        "viseme_n": [m["n"] for m in visemes],
        "prosody_n": [m["n"] for m in prosody],
        "sums": [round(sum(m["weights"].values()), 6) for m in visemes],
        "clocks": len(listener.speech("clock")),
        "speaking_edges": sum(1 for a, b in zip(prosody, prosody[1:]) if a["speaking"] != b["speaking"]),
        "attributes": dict(getattr(listener, "participant", None).attributes) if hasattr(listener, "participant") else {},
        "name": listener.participant.name if hasattr(listener, "participant") else None,
        "kind": int(listener.participant.kind) if hasattr(listener, "participant") else None,
        "seconds": len(sound) / RATE,
    }


def cut_report(listener, u, reference, span):
    """What a cut utterance sounded and looked like around its end, in that span of the sound."""
    interrupted = listener.speech("interrupted", u)
    if len(interrupted) != 1:
        return {"u": u, "interrupted": len(interrupted)}
    cut, sound = interrupted[0], listener.pcm()[span[0] : span[1]]
    pcm = np.fromfile(reference["pcm"], dtype=np.float32)
    base = listener.speech("start", u)[0]["t_ms"] - reference["onset_ms"]
    heard = int(max(0, (cut["t_ms"] - base - 60) * 48))
    rough, _ = best_offset(sound, pcm[:heard])
    at, score = fine(sound, pcm[heard // 2 : heard], (rough or 0) + heard // 2, 2400)
    end = at - heard // 2 + int((cut["t_ms"] - base) * 48)
    before, after = sound[end - 4800 : end - 960], sound[end + 960 : end + 9600]
    fade = sound[end - 1440 : end + 480]
    frames = [m for t, m, _ in listener.messages if t == "viseme" and m["u"] == u and m["n"] > cut["viseme_n"]]
    rest = [m["t_ms"] for m in frames if m["weights"].get("Rest", 0) >= 0.9]
    return {
        "u": u, "interrupted": 1, "ends": len(listener.speech("end", u)), "score": score,
        "rms_before": float(np.sqrt((before**2).mean())), "rms_after": float(np.sqrt((after**2).mean())),
        "step_before": float(np.abs(np.diff(before)).max()), "step_fade": float(np.abs(np.diff(fade)).max()),
        "rest_after_ms": (rest[0] - cut["t_ms"]) if rest else None, "cut_ms": cut["t_ms"], "frames": len(frames),
    }


async def cut_session(plan):
    """Stops one sentence in its middle, barges into another, and posts one before anybody listens."""
    session = call(plan["http"], "/session-live", plan.get("body"))
    path = f"/session-live/{session['session_id']}"
    early = call(plan["http"], path + "/speak", {"text": plan["sentences"][0]})
    listener = Listener("first")
    await listener.join(session["webrtc"]["url"], session["webrtc"]["token"])
    await listener.until(lambda: listener.finished(early["u"]), 60)
    await listener.hear_more(0.6)
    marks = [listener.heard]
    long = call(plan["http"], path + "/speak", {"text": plan["sentences"][1]})
    await listener.until(lambda: listener.speech("start", long["u"]), 30)
    await listener.hear_more(1)
    stopped = call(plan["http"], path + "/stop")
    await listener.hear_more(1)
    marks.append(listener.heard)
    again = call(plan["http"], path + "/speak", {"text": plan["sentences"][1]})
    await listener.until(lambda: listener.speech("start", again["u"]), 30)
    await listener.hear_more(1)
    barged = call(plan["http"], path + "/speak", {"text": plan["sentences"][2], "barge_in": True})
    await listener.until(lambda: listener.finished(barged["u"]), 60)
    await listener.hear_more(0.8)
    state = call(plan["http"], path, method="GET")
    references = plan["references"]
    result = {
        "stopped": stopped["stopped"], "queued": barged["queued"], "state": state,
        "first": report(listener, references[:1]),
        "stop": cut_report(listener, long["u"], references[1], marks),
        "barge": cut_report(listener, again["u"], references[1], (marks[1], None)),
        "after": report(listener, references[2:], barged["u"]),
    }
    await listener.leave()
    call(plan["http"], path, method="DELETE")
    tell(result)


async def open_session(plan, listeners):
    """A session with so many official listeners, all of them there."""
    session = call(plan["http"], "/session-live", plan.get("body"))
    path = f"/session-live/{session['session_id']}"
    tokens = [session["webrtc"]["token"]] + [call(plan["http"], path + "/token")["token"] for _ in range(1, listeners)]
    there = [Listener(f"listener {index}") for index in range(listeners)]
    await asyncio.gather(*(one.join(session["webrtc"]["url"], token) for one, token in zip(there, tokens)))
    return session, path, there


def spoken_at(listener, u):
    """When an utterance began and ended, by the server's clock in seconds."""
    clock = listener.speech("clock")[-1]
    at = lambda message: (message["t_ms"] - clock["t_ms"] + clock["unix_ms"]) / 1000
    return at(listener.speech("start", u)[0]), at(listener.speech("end", u)[0])


async def two_rooms(plan):
    """Two sessions speak at once; what of each other do their listeners hear and receive?"""
    opened = [await open_session(plan, 1) for _ in range(2)]
    for (_, path, _), text in zip(opened, plan["sentences"]):
        call(plan["http"], path + "/speak", {"text": text})
    await asyncio.gather(*(there[0].until(lambda one=there[0]: one.finished(1), 60) for _, _, there in opened))
    await asyncio.gather(*(there[0].hear_more(0.8) for _, _, there in opened))
    result, spoken = {}, []
    for name, index in (("one", 0), ("other", 1)):
        session, path, (listener,) = opened[index]
        result[name] = report(listener, [plan["references"][index]])
        foreign = np.fromfile(plan["references"][1 - index]["pcm"], dtype=np.float32)
        result[name]["foreign_waveform"] = hear(listener.pcm(), foreign)["waveform"]
        result[name]["senders"] = sorted({participant.identity for _, _, participant in listener.messages})
        result[name]["agent"] = session["agent"]["identity"]
        result[name]["texts"] = [m["text"] for m in listener.speech("start")]
        spoken.append(spoken_at(listener, 1))
        await listener.leave()
        call(plan["http"], path, method="DELETE")
    result["overlap"] = min(spoken[0][1], spoken[1][1]) - max(spoken[0][0], spoken[1][0])
    tell(result)


async def three_listeners(plan):
    session, path, there = await open_session(plan, 3)
    for u, text in enumerate(plan["sentences"][:2], 1):
        call(plan["http"], path + "/speak", {"text": text})
        await asyncio.gather(*(one.until(lambda one=one: one.finished(u), 60) for one in there))
        await asyncio.gather(*(one.hear_more(0.8) for one in there))
    state = call(plan["http"], path, method="GET")
    result = {"state": state, "listeners": [report(one, plan["references"][:2]) for one in there]}
    for one in there:
        await one.leave()
    call(plan["http"], path, method="DELETE")
    tell(result)


async def main():
    plan = json.load(sys.stdin)
    special = {"cut": cut_session, "rooms": two_rooms, "three": three_listeners}.get(plan.get("mode"))
    if special:
        return await special(plan)
    session = call(plan["http"], "/session-live", plan.get("body"))
    path = f"/session-live/{session['session_id']}"
    listeners = [Listener("first")]
    await listeners[0].join(session["webrtc"]["url"], session["webrtc"]["token"])
    posted = []
    for index, sentence in enumerate(plan["sentences"]):
        posted.append(call(plan["http"], path + "/speak", {"text": sentence}))
        u = posted[-1]["u"]
        speaker = listeners[0]
        await speaker.until(lambda: speaker.finished(u), 60)
        await speaker.hear_more(0.8)
        if plan.get("mode") == "late" and index == 0:
            late = Listener("late")
            await late.join(session["webrtc"]["url"], call(plan["http"], path + "/token")["token"])
            listeners.append(late)
            await late.hear_more(0.3)
        if plan.get("mode") == "late" and index == 1:
            await listeners[0].leave()
            after = Listener("after")
            await after.join(session["webrtc"]["url"], call(plan["http"], path + "/token")["token"])
            listeners[0], first = after, listeners[0]
            listeners.append(first)
            await after.hear_more(0.3)
    state = call(plan["http"], path, method="GET")
    references = plan["references"]
    result = {"session": session, "posted": posted, "state": state, "sdk": rtc.__version__}
    if plan.get("mode") == "late":
        after, late, first = listeners
        result["first"] = report(first, references[:2])
        result["late"] = report(late, references[1:], 2)
        result["after"] = report(after, references[2:], 3)
    else:
        result["first"] = report(listeners[0], references)
    for listener in listeners:
        if listener.room.isconnected():
            await listener.leave()
    call(plan["http"], path, method="DELETE")
    tell(result)


asyncio.run(main())
leave()
