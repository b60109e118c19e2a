"""Pages with the official JavaScript SDK in Chromium, for scripts that hold conversations in rooms.

The SDK is the one bundled in the package pipecat-ai-prebuilt: its transport holds a Room, whose class is the SDK's. An older
one, 2.9.8, is in a page of the Python SDK's wheel, which joins by itself.
"""
import asyncio, functools, glob, http.server, os, threading, time

import livekit.rtc
import pipecat_ai_prebuilt

DIST = os.path.join(os.path.dirname(pipecat_ai_prebuilt.__file__), "client", "dist")
OLD = os.path.join(os.path.dirname(livekit.rtc.__file__), "resources", "jupyter-html", "index.html")
PATIENCE = 120_000
# What consoles warned of, for who looks for the reason of something else.
warnings = []
SCRIPT = """
window.events = [];
window.data = [];
window.qualities = [];
window.follow = room => {
  window.room = room;
  for (const name of ['reconnecting', 'signalReconnecting', 'reconnected', 'disconnected'])
    room.on(name, () => events.push(name));
  room.on('dataReceived', (payload, from, kind, topic) => data.push([topic, from?.identity, new TextDecoder().decode(payload)]));
  room.on('connectionQualityChanged', (quality, who) => qualities.push([who.identity, quality]));
  room.registerTextStreamHandler('words', async (reader, from) => data.push(['words', from.identity, await reader.readAll()]));
  (room.registerRpcMethod ? room : room.localParticipant).registerRpcMethod('shout', async call => call.payload.toUpperCase());
};
// The old page keeps its room to itself: React's tree has it.
window.oldRoom = () => {
  const root = document.getElementById('root');
  const key = Object.keys(root).find(name => name.startsWith('__reactContainer'));
  const waiting = key ? [root[key]] : [];
  for (let node; (node = waiting.pop());) {
    const value = node.memoizedProps?.value;
    if (value?.localParticipant?.publishData && value.state === 'connected') return value;
    if (node.sibling) waiting.push(node.sibling);
    if (node.child) waiting.push(node.child);
  }
};
window.say = async text => {
  const bytes = new TextEncoder().encode(text);
  await room.localParticipant.publishData(bytes, {reliable: true, topic: 'page'});
  // A machine that is busy may lose one.
  for (let n = 0; n < 5; n++) {
    await room.localParticipant.publishData(bytes, {reliable: false, topic: 'page lossy'});
    await new Promise(done => setTimeout(done, 100));
  }
  await room.localParticipant.sendText('text of ' + text, {topic: 'words'});
};
// Half a minute without an answer is a busy machine's, not the room's.
window.call = async (to, attempts = 4) => {
  try {
    return await room.localParticipant.performRpc({destinationIdentity: to, method: 'shout', payload: 'hello ' + to, responseTimeout: 30000});
  } catch (error) {
    if (attempts === 1) throw error;
    return call(to, attempts - 1);
  }
};
window.received = async () => {
  const result = {};
  for (const person of room.remoteParticipants.values())
    for (const publication of person.trackPublications.values())
      if (publication.track?.receiver) {
        const all = [...(await publication.track.receiver.getStats()).values()];
        const entry = all.find(entry => entry.type === 'inbound-rtp');
        result[person.identity] = [entry?.totalAudioEnergy ?? 0, entry?.packetsReceived ?? 0, entry?.packetsLost ?? 0];
      }
  return result;
};
"""
PAGE = """<!doctype html><body><div id="root"></div><script type="module">
const {LiveKitTransport} = await import('./assets/MODULE');
const Room = new LiveKitTransport()._room.constructor;
window.join = async (url, token, options) => {
  const room = new Room(options);
  follow(room);
  room.on('trackSubscribed', track => document.body.append(track.attach()));
  await room.connect(url, token);
};
window.ready = true;
</script></body>"""




class Pages(http.server.SimpleHTTPRequestHandler):
    """The page at /, the old one at /old, and the bundle's own files beside them."""

    def __init__(self, *args, old, **kw):
        self.old = old
        super().__init__(*args, **kw)

    def do_GET(self):
        kind = "text/html"
        if self.path == "/":
            module = next(os.path.basename(b) for b in glob.glob(os.path.join(DIST, "assets", "index.module-*.js")) if "LiveKitTransport" in open(b).read())
            text = PAGE.replace("MODULE", module)
        elif self.path == "/old":
            url, token = self.old()
            text = open(OLD).read().replace("##livekit-url-placeholder##", url).replace("##livekit-token-placeholder##", token)
        elif self.path in ("/favicon.ico", "/vite.svg"):
            text, kind = "", "image/svg+xml"
        else:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def serve(old=None):
    """Serves the pages on a free port; `old` gives the old page its address and token. Returns where."""
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=DIST, old=old))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{web.server_port}"


async def open_browser(playwright, base):
    """A browser whose microphone beeps, and a place for its tabs."""
    browser = await playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), headless=True,
        args=["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"])
    context = await browser.new_context(permissions=["microphone"])
    context.set_default_timeout(PATIENCE)
    await context.add_init_script(SCRIPT)
    # What the bundle asks of strangers is not what is tested, and there may be no network.
    await context.route(lambda url: not url.startswith(base), lambda route: route.fulfill(status=200, body=""))
    return browser, context


async def until(page, expression):
    """Waits until a promise of the page comes true, asked for anew each time: wait_for_function takes any promise for true."""
    end = time.monotonic() + PATIENCE / 1000
    while not await page.evaluate(expression):
        if time.monotonic() > end:
            raise TimeoutError(expression)
        await asyncio.sleep(0.2)


async def open_tab(context, base, complaints, name, url, token, single):
    """A tab in a room with its microphone on; `single` None is the old page. Notes what its console says."""
    page = await context.new_page()
    page.on("console", lambda m: complaints.append([name, m.text[:300]]) if m.type == "error" else warnings.append([name, m.text[:300]]) if m.type == "warning" else None)
    page.on("pageerror", lambda e: complaints.append([name, str(e)[:300]]))
    if single is None:
        await page.goto(f"{base}/old")
        await page.wait_for_function("oldRoom()", polling=100)
        await page.evaluate("follow(oldRoom())")
    else:
        await page.goto(base)
        await page.wait_for_function("window.ready")
        await page.evaluate("([url, token, single]) => join(url, token, {singlePeerConnection: single})", [url, token, single])
    await page.evaluate("room.localParticipant.setMicrophoneEnabled(true)")
    return page
