"""The official livekit-agents in `connect` mode in a room of avatar-agent's room server, with an official user.

usage: agents_connect.py AGENT SDK       AGENT: the avatar-agent program; SDK: where livekit-agents is installed
The same file is the worker's program. That one speaks through a voice of its own that needs no cloud, a tone of 330 Hz, and
listens to the user's, of 440 Hz. Prints one JSON object.
"""
import asyncio, json, os, re, subprocess, sys, tempfile

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
SENTENCE = "Hello there, this is the other agent speaking."


async def entry(context):
    """The worker's job: hears the user, says one sentence, reports, and waits until it is ended."""
    import numpy as np
    from livekit import rtc
    from livekit.agents import Agent, AgentSession, tts

    class Tone(tts.TTS):
        def __init__(self):
            super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=24000, num_channels=1)

        def synthesize(self, text, *, conn_options=None):
            return Spoken(tts=self, input_text=text, conn_options=conn_options)

    class Spoken(tts.ChunkedStream):
        async def _run(self, emitter):
            emitter.initialize(request_id="tone", sample_rate=24000, num_channels=1, mime_type="audio/pcm")
            sound = (8000 * np.sin(2 * np.pi * 330 * np.arange(72000) / 24000)).astype(np.int16).tobytes()
            for start in range(0, len(sound), 4800):
                emitter.push(sound[start : start + 4800])
            emitter.flush()

    heard = asyncio.get_running_loop().create_future()

    async def listen(track):
        samples = np.zeros(0, dtype=np.float32)
        async for event in rtc.AudioStream(track, sample_rate=48000, num_channels=1):
            samples = np.append(samples, np.frombuffer(event.frame.data, dtype=np.int16))[-24000:]
            if len(samples) == 24000 and np.abs(samples).max() > 1000 and not heard.done():
                spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
                pitch = int(round(np.fft.rfftfreq(24000, 1 / 48000)[spectrum.argmax()] / 5) * 5)
                if pitch == 440:
                    heard.set_result(pitch)

    listeners = []
    context.room.on("track_subscribed", lambda track, *_: listeners.append(asyncio.ensure_future(listen(track))))
    session = AgentSession(tts=Tone())
    await session.start(agent=Agent(instructions="none"), room=context.room)
    user = await context.wait_for_participant()
    pitch = await asyncio.wait_for(heard, 60)
    await session.say(SENTENCE).wait_for_playout()
    report = json.dumps({"heard": pitch, "user": user.identity})
    await context.room.local_participant.publish_data(report, topic="report", reliable=True)


async def main(agent, sdk):
    from processes import end, free_port

    port = free_port()
    folder = tempfile.mkdtemp(prefix="avatar-agents-")
    env = dict(os.environ, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET, LIVEKIT_URL=f"ws://127.0.0.1:{port}")
    log = open(os.path.join(folder, "server.log"), "w+")
    server = subprocess.Popen([agent, "room-server", "--room-port", str(port)], stdout=subprocess.PIPE, stderr=log, env=env, cwd=folder, text=True)
    words = open(os.path.join(folder, "worker.log"), "w+")
    worker = None
    sys.argv[1:] = [f"ws://127.0.0.1:{port}", "v1"]
    import room_scenarios as scenarios

    scenarios.PATIENCE = 90
    try:
        await asyncio.to_thread(server.stdout.readline)
        user = scenarios.Client("user", "agents")
        user.texts = []

        async def read(reader, who):
            user.texts.append([who, await reader.read_all()])

        user.room.register_text_stream_handler("lk.transcription", lambda reader, who: user.tasks.append(asyncio.ensure_future(read(reader, who))))
        await user.join()
        await user.publish("tone", 440)
        worker = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "connect", "--room", "agents", "--participant-identity", "worker"],
            stdout=words, stderr=words, env=dict(env, PYTHONPATH=sdk), cwd=folder, text=True)
        try:
            await user.sees("joined", "worker")
            pitch = await user.hears("roomio_audio", 330)
            report = json.loads((await scenarios.until(lambda: user.got("report"), "the worker's report"))[0][4])
            await scenarios.until(lambda: user.texts, "the transcript")
        except TimeoutError as error:
            words.seek(0), log.seek(0)
            raise SystemExit(f"{error}\nworker:\n{words.read()[-4000:]}\nserver:\n{log.read()[-2000:]}")
        remote = user.room.remote_participants["worker"]
        result = {"heard": pitch, "report": report, "texts": user.texts, "kind": int(remote.kind), "attributes": dict(remote.attributes)}
        await asyncio.to_thread(end, worker, 30)
        await user.sees("left", "worker")
        await scenarios.done(user)
        words.seek(0)
        said = words.read()
        result["version"] = next(iter(re.findall(r'"version": "([\d.]+)"', said)), None)
        result["errors"] = [line for line in said.splitlines() if "ERROR" in line or "Traceback" in line]
        result["exit"] = await asyncio.to_thread(end, server, 30)
        print(json.dumps(result))
    finally:
        for process in (worker, server):
            if process and process.poll() is None:
                process.kill()


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("/"):
        asyncio.run(main(*sys.argv[1:]))
    else:
        from livekit.agents import AgentServer, cli

        worker = AgentServer()
        worker.rtc_session(entry)
        cli.run_app(worker)
