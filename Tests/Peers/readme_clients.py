# SPDX-License-Identifier: Apache-2.0
"""Tries the snippets of README.md for clients against `avatar-agent demo`.

The web page is opened in Chromium and its button pressed; the script that it takes from the network is
the official SDK bundled in the package pipecat-ai-prebuilt. There is no Dart here: that snippet is parsed,
and what it reads from answers and messages is compared with real ones, what it calls in the SDK with the
names that all versions from 1.5.0 to 2.11.0 have.

usage: readme_clients.py README AGENT        AGENT: the avatar-agent program
Prints one JSON object.
"""
import asyncio, functools, glob, http.server, json, os, re, subprocess, sys, threading, urllib.request

import pipecat_ai_prebuilt
import tree_sitter
import tree_sitter_dart_orchard
from livekit import rtc
from playwright.async_api import async_playwright

from processes import end, free_port, leave, wait_for
from readme_blocks import one

README, AGENT = sys.argv[1:]
DIST = os.path.join(os.path.dirname(pipecat_ai_prebuilt.__file__), "client", "dist")
# Read in livekit/client-sdk-flutter at v1.5.0, v1.5.6, v2.0.0, v2.2.2 and v2.11.0.
DART = {
    "room": {"connect", "disconnect", "createListener"},
    "listener": {"on", "dispose"},
    "event": {"data", "topic", "participant"},
}
# What the page's script tag gets: the bundle is a module that comes by and by, and shows a page of its own.
SDK = """
window.LivekitClient = {};
document.body.append(Object.assign(document.createElement('div'), {id: 'root', hidden: true}));
import(location.origin + '/assets/MODULE').then(({LiveKitTransport}) => {
  LivekitClient.Room = new LiveKitTransport()._room.constructor;
});
"""


class Pages(http.server.SimpleHTTPRequestHandler):
    page = b""

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_):
        pass


async def opened(text, service):
    """What the page shows after its button was pressed."""
    address = re.search(r"https://cdn\.\S+?\.js", text)[0]
    Pages.page = text.replace("http://127.0.0.1:8080", service).encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=DIST))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bundles = glob.glob(os.path.join(DIST, "assets", "index.module-*.js"))
    module = next(os.path.basename(b) for b in bundles if "LiveKitTransport" in open(b).read())
    complaints = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), headless=True,
            args=["--no-sandbox", "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required"],
        )
        page = await browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.route(address, lambda route: route.fulfill(content_type="text/javascript", body=SDK.replace("MODULE", module)))
        # By the name that http.cors_origins allows too.
        await page.goto(f"http://localhost:{server.server_port}/")
        await page.wait_for_function("Boolean(LivekitClient.Room)")
        await page.evaluate("""() => {
            window.shown = [];
            new MutationObserver(() => shown.push(document.querySelector('code').textContent))
                .observe(document.querySelector('code'), {childList: true});
        }""")
        await page.click("button")
        # It moved, and came to rest again.
        await page.wait_for_function(
            "new Set(shown.map(s => s.split(' ')[0])).size > 3 && shown.at(-1).startsWith('Rest')", timeout=60000)
        shown = await page.evaluate("shown")
        await browser.close()
    server.shutdown()
    percents = [int(text.split()[1]) for text in shown]
    return {"shapes": sorted({text.split()[0] for text in shown}), "least": min(percents), "most": max(percents),
            "complaints": complaints}


async def messages(service):
    """An answer and a message of each kind, as clients get them; and the participant's attributes."""
    def post(path, body):
        request = urllib.request.Request(service + path, json.dumps(body).encode())
        return json.load(urllib.request.urlopen(request, timeout=60))

    session = await asyncio.to_thread(post, "/session-live", {})
    spoken = f"/session-live/{session['session_id']}"
    got, room, change = {}, rtc.Room(), asyncio.Event()

    def received(packet):
        message = json.loads(packet.data)
        got[message.get("type", packet.topic)] = message
        change.set()

    async def until(kind):
        while kind not in got:
            change.clear()
            await asyncio.wait_for(change.wait(), 60)

    room.on("data_received", received)
    await room.connect(session["webrtc"]["url"], session["webrtc"]["token"])
    for text, kinds in [
        ("This is a sentence that is long enough to be cut before it ends.", ["start", "words", "envelope", "viseme", "prosody", "clock"]),
        ("Hm.", ["end"]),
        ("\U0001F600", ["error"]),
    ]:
        await asyncio.to_thread(post, spoken + "/speak", {"text": text})
        for kind in kinds:
            await until(kind)
        if "start" in kinds:
            await asyncio.to_thread(post, spoken + "/stop", {})
            await until("interrupted")
    agent = next(iter(room.remote_participants.values()))
    attributes = dict(agent.attributes)
    await room.disconnect()
    return session, got, attributes


def read_contract(page, session, got, attributes):
    """The messages and the answer as the page writes them have the fields that they really have."""
    rows = re.findall(r"^\| (`\w+`)? ?\| `(\{.*?\})`:", page, re.M)
    topic, kinds = "", []
    for named, text in rows:
        topic = named.strip("`") or topic
        message = json.loads(text)
        kind = message.get("type", topic)
        kinds.append(kind)
        if set(message) != set(got[kind]):
            raise SystemExit(f"README.md: {kind} has {sorted(got[kind])}, not {sorted(message)}")
    if set(kinds) != set(got):
        raise SystemExit(f"README.md: tells of {sorted(kinds)}, there are {sorted(got)}")
    answer = set(re.findall(r"\w+", re.search(r"201 `\{(.*?)\}`", page)[1]))
    if not answer <= set(session) | set(session["webrtc"]) or not set(session) <= answer | {"url", "token"}:
        raise SystemExit(f"README.md: a session is answered with {sorted(session)}")
    told = set(re.findall(r"`(avatar\.\w+|lk\.agent\.\w+)`", page))
    if not told or not told <= set(attributes):
        raise SystemExit(f"README.md: the participant has {sorted(attributes)}")
    return sorted(kinds)


def read_dart(text, session, got):
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_dart_orchard.language()))
    if parser.parse(text.encode()).root_node.has_error:
        raise SystemExit("README.md: the Dart snippet is no Dart")
    for name, members in DART.items():
        used = set(re.findall(rf"\b{name}\.(\w+)", text))
        if not used or not used <= members:
            raise SystemExit(f"README.md: {name} has no {used - members} in every version of livekit_client")
    known = {"opened": session, "opened['webrtc']": session["webrtc"]}
    for target, known_fields in known.items():
        for field in re.findall(re.escape(target) + r"\['(\w+)'\]", text):
            if field not in known_fields:
                raise SystemExit(f"README.md: the answer has no {field}")
    parts = [part for part in re.split(r"event\.topic == |message\['type'\] == ", text) if part.startswith("'")]
    kinds = []
    for part in parts:
        kind = part.split("'")[1]
        kinds.append(kind)
        for field in re.findall(r"message\['(\w+)'\]", part):
            if field not in got[kind] and field != "type":
                raise SystemExit(f"README.md: the message {kind} has no {field}")
    keyframe = text[text.index("class Keyframe"):text.index("class TalkingMouth")]
    for field in re.findall(r"message\['(\w+)'\]", keyframe):
        if field not in got["viseme"]:
            raise SystemExit(f"README.md: a keyframe has no {field}")
    return kinds


async def main():
    service, rooms = free_port(), free_port()
    plain = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k != "AVATAR_KEY"}
    demo = subprocess.Popen([AGENT, "demo", "--http-port", str(service), "--room-port", str(rooms)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=plain)
    try:
        url = f"http://127.0.0.1:{service}"
        wait_for(url + "/health", demo, seconds=60, attempt=5)
        page = await opened(one(README, "html").text, url)
        session, got, attributes = await messages(url)
        kinds = read_contract(open(README, encoding="utf-8").read(), session, got, attributes)
        print(json.dumps({"page": page, "dart": read_dart(one(README, "dart").text, session, got), "messages": kinds}))
    finally:
        end(demo, 30)


asyncio.run(main())
leave()
