"""What clients of a room server see, scenario by scenario, with the official Python SDK.

usage: room_scenarios.py URL v0|v1 SCENARIO…       (key devkey, secret below)
Prints one JSON object: for each scenario what its clients saw, without ids and times, so that two servers can be compared.
"""
import asyncio, json, sys, time
import numpy as np
from livekit import api, rtc

from processes import leave

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
URL, SINGLE = sys.argv[1], sys.argv[2] == "v1"
HTTP = URL.replace("ws", "http", 1)
PATIENCE = 30
# Older SDKs have two connections and no choice.
SINGLE_OPTION = {"single_peer_connection": SINGLE} if "single_peer_connection" in rtc.RoomOptions.__dataclass_fields__ else {}


def token(identity, room, **grants):
    kind = grants.pop("kind", "standard")
    attributes, metadata = grants.pop("attributes", {}), grants.pop("metadata", "")
    return (
        api.AccessToken(KEY, SECRET).with_identity(identity).with_name("name of " + identity).with_kind(kind)
        .with_attributes(attributes).with_metadata(metadata)
        .with_grants(api.VideoGrants(room_join=True, room=room, **grants)).to_jwt())


async def until(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        await asyncio.sleep(0.01)
    raise TimeoutError(what)


class Client:
    """A participant that notes what it is told."""

    def __init__(self, identity, room, **grants):
        self.identity, self.name, self.grants = identity, room, grants
        self.room, self.seen, self.data, self.tracks, self.sound = rtc.Room(), [], [], {}, {}
        self.speakers, self.tasks, self.listening = [], [], {}
        r, note = self.room, self.seen.append
        r.on("participant_connected", lambda p: note(["joined", p.identity, p.name, int(p.kind), p.metadata, dict(p.attributes)]))
        r.on("participant_disconnected", lambda p: note(["left", p.identity, int(getattr(p, "disconnect_reason", None) or 0)]))
        r.on("track_published", lambda t, p: note(["published", p.identity, t.name, int(t.source), int(t.kind), t.muted]))
        r.on("track_unpublished", lambda t, p: note(["unpublished", p.identity, t.name]))
        r.on("track_subscribed", self.subscribed)
        r.on("track_unsubscribed", lambda t, pub, p: note(["unsubscribed", p.identity, pub.name]))
        r.on("track_muted", lambda p, pub: note(["muted", p.identity, pub.name]))
        r.on("track_unmuted", lambda p, pub: note(["unmuted", p.identity, pub.name]))
        r.on("participant_attributes_changed", lambda changed, p: note(["attributes", p.identity, dict(sorted(changed.items()))]))
        r.on("participant_metadata_changed", lambda p, old, new: note(["metadata", p.identity, new]))
        r.on("participant_name_changed", lambda p, old, new: note(["name", p.identity, new]))
        r.on("participant_permissions_changed", lambda p, new: note(["permission", p.identity, new.can_publish, new.can_subscribe, new.can_publish_data]) if new else None)
        r.on("room_metadata_changed", lambda old, new: note(["room metadata", new]))
        r.on("local_track_subscribed", lambda t: note(["heard by somebody"]))
        r.on("disconnected", lambda reason: note(["disconnected", int(reason)]))
        r.on("reconnecting", lambda: note(["reconnecting"]))
        r.on("reconnected", lambda: note(["reconnected"]))
        r.on("data_received", lambda d: self.data.append([d.topic, int(d.kind), d.participant.identity if d.participant else None, len(d.data), bytes(d.data[:40]).decode("latin1")]))
        r.on("active_speakers_changed", lambda s: self.speakers.append(sorted(p.identity for p in s)))

    async def join(self, url=None, **options):
        await self.room.connect(url or URL, token(self.identity, self.name, **self.grants), rtc.RoomOptions(auto_subscribe=options.pop("auto", True), **SINGLE_OPTION, **options))
        return self

    def subscribed(self, track, publication, participant):
        self.seen.append(["subscribed", participant.identity, publication.name])
        # Browsers name their microphones all alike.
        name = publication.name if publication.name not in ("", "microphone") else participant.identity
        self.tracks[name] = (track, publication)
        # Who comes back publishes anew; the stream of the track that is gone goes on with silence.
        if name in self.listening:
            self.listening[name].cancel()
            self.sound.pop(name, None)
        self.listening[name] = asyncio.ensure_future(self.listen(track, name))
        self.tasks.append(self.listening[name])

    async def listen(self, track, name):
        stream = rtc.AudioStream(track, sample_rate=48000, num_channels=1)
        async for event in stream:
            samples = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32)
            self.sound.setdefault(name, []).append(samples)

    def pitch(self, name):
        """The strongest frequency of the last half second of a track, rounded to 5 Hz; 0 for silence."""
        sound = np.concatenate(self.sound.get(name) or [np.zeros(1)])[-24000:]
        if len(sound) < 24000 or np.sqrt((sound * sound).mean()) < 300:
            return 0
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        return int(round(np.fft.rfftfreq(len(sound), 1 / 48000)[spectrum.argmax()] / 5) * 5)

    async def hears(self, name, pitch):
        await until(lambda: self.pitch(name) == pitch, f"{self.identity} hears {name} at {pitch} Hz")
        return pitch

    async def sees(self, *start):
        start = list(start)
        return await until(lambda: next((e for e in self.seen if e[: len(start)] == start), None), f"{self.identity} sees {start}: {self.seen}")

    async def publish(self, name, pitch, source=rtc.TrackSource.SOURCE_MICROPHONE):
        tone = rtc.AudioSource(48000, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track(name, tone)
        publication = await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=source, dtx=False, red=False))

        async def play():
            n = 0
            while True:
                x = (8000 * np.sin(2 * np.pi * pitch * (np.arange(480) + n) / 48000)).astype(np.int16)
                n += 480
                await tone.capture_frame(rtc.AudioFrame(x.tobytes(), 48000, 1, 480))

        self.tasks.append(asyncio.ensure_future(play()))
        return track, publication

    async def send(self, text, topic, reliable=True, to=()):
        await self.room.local_participant.publish_data(text, reliable=reliable, topic=topic, destination_identities=list(to))

    def got(self, *topics):
        return sorted(d for d in self.data if d[0] in topics)

    async def leave(self):
        for task in self.tasks:
            task.cancel()
        await self.room.disconnect()


async def two(room, **grants):
    bob = await Client("bob", room).join()
    alice = await Client("alice", room, **grants).join()
    await until(lambda: "alice" in bob.room.remote_participants, "bob sees alice")
    await until(lambda: "bob" in alice.room.remote_participants, "alice sees bob")
    return alice, bob


async def done(*clients):
    for client in clients:
        await client.leave()


# ---------------------------------------------------------------- scenarios
async def coming_and_going(room):
    bob = await Client("bob", room).join()
    alice = await Client("alice", room, attributes={"a": "1"}, metadata="m", can_publish_sources=["microphone"]).join()
    await bob.sees("joined", "alice")
    there = [[p.identity, p.name, p.metadata, dict(p.attributes)] for p in alice.room.remote_participants.values()]
    carol = await Client("carol", room, kind="agent").join()
    await alice.sees("joined", "carol")
    await alice.leave()
    await bob.sees("left", "alice")
    await done(carol)
    await bob.sees("left", "carol")
    await done(bob)
    return dict(bob=bob.seen[:4], there=there, room=bob.room.name == room)


async def sound(room):
    alice, bob = await two(room)
    early = alice.publish("early", 440)
    _, publication = await early
    await publication.wait_for_subscription()
    heard = [await bob.hears("early", 440)]
    _, second = await alice.publish("second", 880, rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
    heard.append(await bob.hears("second", 880))
    carol = await Client("carol", room).join()
    heard += [await carol.hears("early", 440), await carol.hears("second", 880)]
    _, back = await bob.publish("back", 660)
    heard += [await alice.hears("back", 660), await carol.hears("back", 660)]
    await alice.room.local_participant.unpublish_track(publication.sid)
    await bob.sees("unpublished", "alice", "early")
    heard.append(await bob.hears("second", 880))
    await alice.leave()
    for client in (bob, carol):
        await client.sees("left", "alice")
    await done(bob, carol)
    about = lambda client: sorted(str(e) for e in client.seen if len(e) > 1 and e[1] == "alice" and e[0] != "joined")
    return dict(heard=heard, bob=about(bob), carol=about(carol), flows=["heard by somebody"] in bob.seen)


async def muting(room):
    alice, bob = await two(room)
    track, publication = await alice.publish("voice", 440)
    heard = [await bob.hears("voice", 440)]
    track.mute()
    await bob.sees("muted", "alice", "voice")
    heard.append(await bob.hears("voice", 0))
    track.unmute()
    await bob.sees("unmuted", "alice", "voice")
    heard.append(await bob.hears("voice", 440))
    await done(alice, bob)
    return dict(heard=heard, bob=[e for e in bob.seen if e[0] in ("muted", "unmuted")])


async def data(room):
    alice, bob = await two(room)
    carol = await Client("carol", room).join()
    await until(lambda: "carol" in alice.room.remote_participants and "alice" in carol.room.remote_participants, "carol")
    for i in range(20):
        await alice.send(f"r{i}".encode(), "reliable")
        await alice.send(f"l{i}".encode(), "lossy", reliable=False)
    await alice.send(b"x" * 15000, "long")
    await alice.send(b"y" * 60000, "longest")
    await alice.send(b"for bob", "bob", to=["bob"])
    await alice.send(b"for both", "both", to=["bob", "carol"])
    await alice.send(b"for nobody", "nobody", to=["zoe"])
    await alice.send(b"end", "end")
    await bob.send(b"back", "back")
    for client in (bob, carol):
        await until(lambda: client.got("end"), "end")
    await until(lambda: alice.got("back"), "back")
    order = [d[4] for d in bob.data if d[0] == "reliable"]
    lossy = len(bob.got("lossy"))
    topics = ("long", "longest", "bob", "both", "nobody", "end", "back")
    await done(alice, bob, carol)
    return dict(order=order, lossy=lossy >= 18, alice=alice.got(*topics), bob=bob.got(*topics), carol=carol.got(*topics), echo=alice.got("reliable", "lossy"))


async def streams_and_calls(room):
    alice, bob = await two(room)
    texts, files, answers = [], [], []

    async def read_text(reader, who):
        texts.append([who, reader.info.topic, dict(reader.info.attributes), await reader.read_all()])

    async def read_file(reader, who):
        content = b"".join([chunk async for chunk in reader])
        files.append([who, reader.info.topic, reader.info.name, reader.info.mime_type, len(content), hash(content) == hash(b"z" * 100000)])

    bob.room.register_text_stream_handler("words", lambda r, who: bob.tasks.append(asyncio.ensure_future(read_text(r, who))))
    bob.room.register_byte_stream_handler("files", lambda r, who: bob.tasks.append(asyncio.ensure_future(read_file(r, who))))
    await alice.room.local_participant.send_text("hello " * 5000, topic="words", attributes={"k": "v"})
    await alice.room.local_participant.send_text("short", topic="words")
    writer = await alice.room.local_participant.stream_bytes("a.bin", topic="files", mime_type="application/x", total_size=100000)
    await writer.write(b"z" * 100000)
    await writer.aclose()
    await until(lambda: len(texts) == 2 and len(files) == 1, "streams")

    @bob.room.local_participant.register_rpc_method("echo")
    async def echo(call):
        return f"{call.caller_identity} {call.payload}"

    @bob.room.local_participant.register_rpc_method("fail")
    async def fail(call):
        raise rtc.RpcError(1999, "no", "data")

    for method, payload in (("echo", "hi"), ("echo", "q" * 10000), ("fail", ""), ("unknown", "")):
        try:
            answer = await alice.room.local_participant.perform_rpc(destination_identity="bob", method=method, payload=payload, response_timeout=20)
            answers.append([method, len(answer), answer[:20]])
        except rtc.RpcError as e:
            answers.append([method, e.code, e.message, e.data])
    await done(alice, bob)
    return dict(texts=sorted(([t[0], t[1], t[2], len(t[3])] for t in texts), key=str), files=files, answers=answers)


async def changing_oneself(room):
    alice, bob = await two(room, can_update_own_metadata=True)
    me = alice.room.local_participant
    await me.set_metadata("new metadata")
    await bob.sees("metadata", "alice", "new metadata")
    # A client sends its name and metadata again with every change: as it knows them itself.
    await until(lambda: me.metadata == "new metadata", "alice's own metadata")
    await me.set_name("Alice II")
    await bob.sees("name", "alice", "Alice II")
    await until(lambda: me.name == "Alice II", "alice's own name")
    await me.set_attributes({"mood": "good", "gone": "soon"})
    await bob.sees("attributes", "alice", {"gone": "soon", "mood": "good"})
    await me.set_attributes({"gone": ""})
    await until(lambda: "gone" not in bob.room.remote_participants["alice"].attributes, "attribute gone")
    carol = await Client("carol", room).join()
    await until(lambda: "alice" in carol.room.remote_participants, "carol sees alice")
    alice_there = carol.room.remote_participants["alice"]
    there = [alice_there.name, alice_there.metadata, dict(alice_there.attributes)]
    refused = ""
    try:
        await bob.room.local_participant.set_metadata("not allowed")
    except Exception as e:
        refused = type(e).__name__
    mine = [me.name, me.metadata, dict(me.attributes)]
    await done(alice, bob, carol)
    return dict(bob=[e for e in bob.seen if e[0] in ("metadata", "name")], there=there, refused=refused, mine=mine)


async def permissions(room):
    mute = await Client("mute", room, can_publish=False, can_publish_data=False).join()
    deaf = await Client("deaf", room, can_subscribe=False).join()
    ghost = await Client("ghost", room, hidden=True).join()
    bob = await Client("bob", room).join()
    await until(lambda: {"mute", "deaf"} <= set(bob.room.remote_participants), "bob sees two")
    refused = ""
    try:
        await asyncio.wait_for(mute.publish("forbidden", 440), PATIENCE)
    except Exception as e:
        refused = "refused" if not isinstance(e, TimeoutError) else "timed out"
    try:
        await mute.send(b"forbidden", "forbidden")
    except Exception:
        pass
    await deaf.publish("deaf", 440)
    heard = [await bob.hears("deaf", 440), await ghost.hears("deaf", 440)]
    await bob.publish("bob", 660)
    heard.append(await ghost.hears("bob", 660))
    await ghost.send(b"boo", "ghost")
    await bob.send(b"end", "end")
    for client in (mute, deaf, ghost):
        await until(lambda: client.got("end"), "end")
    await until(lambda: bob.got("ghost"), "ghost")
    result = dict(refused=refused, heard=heard, forbidden=[c.got("forbidden") for c in (bob, ghost)], ghost=[d[2] for d in bob.got("ghost")],
                  seen=sorted(bob.room.remote_participants), deaf=sorted(deaf.tracks), theirs=sorted(ghost.room.remote_participants))
    await done(mute, deaf, ghost, bob)
    return result


async def the_same_identity_twice(room):
    bob = await Client("bob", room).join()
    first = await Client("alice", room).join()
    await first.publish("first", 440)
    await bob.hears("first", 440)
    second = await Client("alice", room).join()
    await first.sees("disconnected")
    await second.publish("second", 880)
    heard = await bob.hears("second", 880)
    await done(second, bob)
    return dict(first=[e for e in first.seen if e[0] == "disconnected"], heard=heard)


async def choosing_tracks(room):
    bob = await Client("bob", room).join(auto=False)
    alice = await Client("alice", room).join()
    await alice.publish("one", 440)
    await alice.publish("two", 880)
    await bob.sees("published", "alice", "two")
    await bob.sees("published", "alice", "one")
    publications = {p.name: p for p in bob.room.remote_participants["alice"].track_publications.values()}
    publications["two"].set_subscribed(True)
    heard = [await bob.hears("two", 880)]
    before = sorted(bob.tracks)
    publications["two"].set_subscribed(False)
    await bob.sees("unsubscribed", "alice", "two")
    publications["one"].set_subscribed(True)
    heard.append(await bob.hears("one", 440))
    await done(alice, bob)
    return dict(heard=heard, before=before)


async def speakers(room):
    alice, bob = await two(room)
    track, _ = await alice.publish("voice", 440)
    await until(lambda: ["alice"] in bob.speakers, "alice speaks")
    await until(lambda: ["alice"] in alice.speakers, "alice knows it")
    track.mute()
    await until(lambda: bob.speakers[-1] == [], "alice is silent")
    await done(alice, bob)
    return dict(bob=[bob.speakers[0], bob.speakers[-1]])


async def cut_signal(room):
    """The signalling socket breaks; nobody sees it but the one, and nothing is lost."""
    relay = Relay()
    url = await relay.start()
    bob = await Client("bob", room).join()
    alice = await Client("alice", room).join(url)
    await alice.publish("voice", 440)
    await bob.hears("voice", 440)
    await alice.send(b"before", "numbers")
    await until(lambda: bob.got("numbers"), "data flows")
    relay.cut()
    await alice.sees("reconnecting")
    for i in range(5):
        await alice.send(b"%d" % i, "numbers")
        await bob.send(b"%d" % i, "back")
    await alice.sees("reconnected")
    await alice.send(b"after", "numbers")
    await until(lambda: any(d[4] == "after" for d in bob.got("numbers")) and len(alice.got("back")) == 5, "data after the resume")
    heard = await bob.hears("voice", 440)
    _, again = await alice.publish("later", 880)
    heard2 = await bob.hears("later", 880)
    numbers = [d[4] for d in bob.data if d[0] == "numbers"]
    await done(alice, bob)
    relay.stop()
    return dict(alice=[e for e in alice.seen if e[0].startswith("reconn")], numbers=numbers, back=[d[4] for d in alice.data], heard=[heard, heard2],
                bob=[e for e in bob.seen if e[0] in ("joined", "left", "published", "unpublished")][:3])


class Relay:
    """TCP between a client and the server, for cutting."""

    async def start(self):
        host, port = URL.split("//")[1].split(":")
        self.target, self.writers = (host, int(port)), []
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def serve(self, reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        self.writers += [writer, up_writer]

        async def pump(source, sink):
            try:
                while block := await source.read(65536):
                    sink.write(block)
                    await sink.drain()
            except OSError:
                pass
            sink.close()

        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()
        self.writers = []

    def stop(self):
        self.cut()
        self.server.close()


async def mishaps(room):
    """What a client can ask a server to play, and what becomes of it: no reference plays them."""
    result = {}
    for kind in ("SIGNAL_RECONNECT", "NODE_FAILURE", "MIGRATION", "FULL_RECONNECT"):
        alice, bob = await two(f"{room}-{kind}")
        await alice.publish("voice", 440)
        await bob.hears("voice", 440)
        sid = alice.room.local_participant.sid
        await alice.room.simulate_scenario(getattr(rtc.SimulateScenarioKind, "SIMULATE_" + kind))
        await alice.sees("reconnected")
        bob.sound.clear()
        heard = await bob.hears("voice", 440)
        await until(lambda: "alice" in bob.room.remote_participants, "alice is there")
        await alice.send(b"after", "after")
        await bob.send(b"back", "back")
        await until(lambda: bob.got("after") and alice.got("back"), "data after " + kind)
        result[kind] = [heard, alice.room.local_participant.sid == sid]
        await done(alice, bob)
    alice, bob = await two(f"{room}-leave")
    await alice.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_SERVER_LEAVE)
    result["SERVER_LEAVE"] = [await alice.sees("disconnected"), await bob.sees("left", "alice")]
    await done(alice, bob)
    return result


async def service(room):
    """livekit-api against the calls of RoomService; protobuf."""
    out = []
    async with api.LiveKitAPI(HTTP, KEY, SECRET) as lk:
        made = await lk.room.create_room(api.CreateRoomRequest(name=room, empty_timeout=60, departure_timeout=30, metadata="m"))
        again = await lk.room.create_room(api.CreateRoomRequest(name=room))
        out.append(["made", made.name == room, made.empty_timeout, made.departure_timeout, made.metadata, made.sid == again.sid, made.sid[:3]])
        alice, bob = await two(room)
        track, publication = await alice.publish("voice", 440)
        await bob.hears("voice", 440)
        rooms = (await lk.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
        out.append(["rooms", [[r.name == room, r.num_participants, r.num_publishers] for r in rooms]])
        people = (await lk.room.list_participants(api.ListParticipantsRequest(room=room))).participants
        out.append(["people", sorted([p.identity, p.name, p.state, len(p.tracks), p.is_publisher] for p in people)])
        one = await lk.room.get_participant(api.RoomParticipantIdentity(room=room, identity="alice"))
        out.append(["one", one.identity, [[t.name, t.type, t.source, t.muted, t.mime_type] for t in one.tracks]])
        await lk.room.mute_published_track(api.MuteRoomTrackRequest(room=room, identity="alice", track_sid=publication.sid, muted=True))
        await bob.sees("muted", "alice", "voice")
        await lk.room.send_data(api.SendDataRequest(room=room, data=b"from outside", kind=0, topic="api"))
        await lk.room.send_data(api.SendDataRequest(room=room, data=b"for bob", kind=0, topic="api", destination_identities=["bob"]))
        await until(lambda: len(bob.got("api")) == 2 and len(alice.got("api")) == 1, "data from the api")
        out.append(["data", bob.got("api"), alice.got("api")])
        await lk.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="alice"))
        out.append(await alice.sees("disconnected"))
        out.append(await bob.sees("left", "alice"))
        for call in (lambda: lk.room.get_participant(api.RoomParticipantIdentity(room=room, identity="alice")),
                     lambda: lk.room.delete_room(api.DeleteRoomRequest(room=room + "x"))):
            try:
                await call()
            except api.TwirpError as e:
                out.append([e.code, e.message, e.status])
        await lk.room.delete_room(api.DeleteRoomRequest(room=room))
        out.append(await bob.sees("disconnected"))
        left = (await lk.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
        out.append(["left", len(left)])
        await done(alice, bob)
    return dict(out=out)


async def main():
    result = {}
    for name in sys.argv[3:]:
        result[name] = await globals()[name](f"{name}-{sys.argv[2]}-{time.time_ns() % 10**9}")
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
    leave()
