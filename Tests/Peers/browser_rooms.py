"""Official JavaScript SDKs in Chromium in one room of avatar-agent's room server, beside the Python SDK.

usage: browser_rooms.py AGENT SECONDS       AGENT: the avatar-agent program; SECONDS: how long all stay together
Pages: the current SDK over one connection and over two, and version 2.9.8 as bundled in the Python SDK's wheel.
Prints one JSON object.
"""
import asyncio, functools, glob, http.server, importlib.util, json, os, socket, subprocess, sys, tempfile, threading

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT, SECONDS = sys.argv[1], float(sys.argv[2])
PORT = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
sys.argv[1:] = [f"ws://127.0.0.1:{PORT}", "v1"]
spec = importlib.util.spec_from_file_location("room_scenarios", os.path.join(HERE, "room_scenarios.py"))
scenarios = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scenarios)
import livekit.rtc
import pipecat_ai_prebuilt
from playwright.async_api import async_playwright

URL = sys.argv[1]
DIST = os.path.join(os.path.dirname(pipecat_ai_prebuilt.__file__), "client", "dist")
OLD = os.path.join(os.path.dirname(livekit.rtc.__file__), "resources", "jupyter-html", "index.html")
PAGE = """<!doctype html><body><div id="root"></div><script type="module">
const {LiveKitTransport} = await import('./assets/MODULE');
const Room = new LiveKitTransport()._room.constructor;
window.events = [];
window.data = [];
window.join = async (url, token, options) => {
  const room = window.room = new Room(options);
  for (const name of ['reconnecting', 'signalReconnecting', 'reconnected', 'disconnected'])
    room.on(name, () => events.push(name));
  room.on('dataReceived', (payload, from, kind, topic) => data.push([topic, from?.identity, new TextDecoder().decode(payload)]));
  room.on('trackSubscribed', track => document.body.append(track.attach()));
  room.registerTextStreamHandler('words', async (reader, from) => data.push(['words', from.identity, await reader.readAll()]));
  await room.connect(url, token);
  await room.localParticipant.setMicrophoneEnabled(true);
};
window.say = async text => {
  const bytes = new TextEncoder().encode(text);
  await room.localParticipant.publishData(bytes, {reliable: true, topic: 'page'});
  await room.localParticipant.publishData(bytes, {reliable: false, topic: 'page lossy'});
};
window.energies = async () => {
  const result = {};
  for (const person of room.remoteParticipants.values())
    for (const publication of person.trackPublications.values())
      if (publication.track) {
        const all = [...(await publication.track.getRTCStatsReport()).values()];
        result[person.identity] = all.find(entry => entry.type === 'inbound-rtp')?.totalAudioEnergy ?? 0;
      }
  return result;
};
window.ready = true;
</script></body>"""


class Pages(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            module = next(os.path.basename(b) for b in glob.glob(os.path.join(DIST, "assets", "index.module-*.js")) if "LiveKitTransport" in open(b).read())
            text = PAGE.replace("MODULE", module)
        elif self.path == "/old":
            text = open(OLD).read().replace("##livekit-url-placeholder##", URL).replace("##livekit-token-placeholder##", scenarios.token("old", "pages"))
        else:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


async def main():
    work = tempfile.mkdtemp(prefix="avatar-pages-")
    log = open(os.path.join(work, "server.log"), "w+")
    env = dict(os.environ, LIVEKIT_API_KEY=scenarios.KEY, LIVEKIT_API_SECRET=scenarios.SECRET)
    server = subprocess.Popen([AGENT, "room-server", "--room-port", str(PORT)], stdout=subprocess.PIPE, stderr=log, env=env, cwd=work, text=True)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=DIST))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    base, complaints = f"http://127.0.0.1:{web.server_port}", []
    try:
        await asyncio.to_thread(server.stdout.readline)
        friend = await scenarios.Client("friend", "pages").join()
        await friend.publish("tone", 440)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), headless=True,
                args=["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"])
            context = await browser.new_context(permissions=["microphone"])

            async def page(name, path="/"):
                page = await context.new_page()
                page.on("console", lambda m: complaints.append([name, m.text[:300]]) if m.type == "error" and not m.text.startswith("Failed to load resource") else None)
                page.on("pageerror", lambda e: complaints.append([name, str(e)[:300]]))
                await page.goto(base + path)
                return page

            pages = {}
            for name, single in (("one", True), ("two", False)):
                pages[name] = await page(name)
                await pages[name].wait_for_function("window.ready")
                await pages[name].evaluate("([url, token, single]) => join(url, token, {singlePeerConnection: single})", [URL, scenarios.token(name, "pages"), single])
            old = await page("old", "/old")
            people = {"one", "two", "old"}
            await scenarios.until(lambda: people <= set(friend.room.remote_participants), f"friend sees {people}")
            # Both microphones beep; each page hears the other and the tone, the friend hears both.
            for name in pages:
                await pages[name].evaluate("text => say(text)", f"hello from {name}")
            await friend.send(b"hello from friend", "friend")
            await friend.room.local_participant.send_text("many words", topic="words")
            await scenarios.until(lambda: len(friend.got("page")) == 2, "data of the pages")
            heard = {}
            for name in pages:
                await pages[name].wait_for_function("data.length >= 4", timeout=60000)
                await pages[name].wait_for_function("async () => { const e = Object.values(await energies()); return e.length >= 2 && e.every(x => x > 0.001) }", timeout=60000, polling=200)
                heard[name] = sorted(await pages[name].evaluate("energies()"))
            await scenarios.until(lambda: sum(np_loud(friend, n) for n in friend.sound) == 2, "the friend hears both pages")
            await asyncio.sleep(SECONDS)
            result = {
                "heard": heard,
                "data": {name: sorted(await pages[name].evaluate("data")) for name in pages},
                "events": {name: await pages[name].evaluate("events") for name in pages},
                "servers": [await pages[name].evaluate("room.serverInfo?.version") for name in pages],
                "old": (await old.inner_text("body")).lower().count("disconnected") == 0,
                "there": sorted(friend.room.remote_participants),
                "friend": [e for e in friend.seen if e[0] in ("reconnecting", "disconnected", "left")],
            }
            for name in pages:
                await pages[name].evaluate("room.disconnect()")
            await browser.close()
        for name in people:
            await friend.sees("left", name)
        await scenarios.done(friend)
        server.terminate()
        result.update(complaints=complaints, exit=await asyncio.to_thread(server.wait, 30))
        print(json.dumps(result))
    finally:
        if server.poll() is None:
            server.kill()


def np_loud(client, name):
    import numpy as np

    return any(np.abs(block).max() > 1000 for block in client.sound.get(name, []))


asyncio.run(main())
