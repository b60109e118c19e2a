# SPDX-License-Identifier: Apache-2.0
"""The official JavaScript SDK in Chromium as the one who listens: all that a web client does, in a page.

The page asks the HTTP service for a session, joins with the token of its answer, has sentences said,
and tells what it received and heard. The SDK is the one bundled in the package pipecat-ai-prebuilt:
its transport holds a Room, whose class is the SDK's.

Reads the plan of with_agent.py on stdin; prints one JSON object.
"""
import asyncio
import functools
import glob
import http.server
import json
import os
import sys
import threading

import pipecat_ai_prebuilt
from playwright.async_api import async_playwright

DIST = os.path.join(os.path.dirname(pipecat_ai_prebuilt.__file__), "client", "dist")
PAGE = """<!doctype html><body><div id="root"></div><script type="module">
const {LiveKitTransport} = await import('./assets/MODULE');
const Room = new LiveKitTransport()._room.constructor;
const until = (condition, what) => new Promise((done, fail) => {
  const limit = setTimeout(() => fail(new Error('no ' + what)), 60000);
  const look = () => condition() ? (clearTimeout(limit), done()) : setTimeout(look, 20);
  look();
});
const post = async (url, body) => {
  const answer = await fetch(url, {method: 'POST', body: JSON.stringify(body ?? {}),
    headers: {'Content-Type': 'application/json'}});
  if (!answer.ok) throw new Error(url + ' ' + answer.status + ' ' + await answer.text());
  return answer.json();
};

window.listen = async (http, sentences) => {
  const session = await post(http + '/session-live');
  const room = new Room();
  const messages = [], heard = [];
  let track, agent, loudest = 0;
  room.on('dataReceived', (payload, participant, kind, topic) => {
    messages.push({topic, from: participant?.identity, ...JSON.parse(new TextDecoder().decode(payload))});
  });
  room.on('trackSubscribed', (subscribed, publication, participant) => {
    document.body.append(subscribed.attach());
    [track, agent] = [subscribed, participant];
  });
  await room.connect(session.webrtc.url, session.webrtc.token);
  await until(() => track, 'track');

  // What is heard, by an analyser on the sound and by the receiver's own statistics.
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const look = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
    const [source] = track.receiver.getSynchronizationSources();
    if (source) heard.push(source.rtpTimestamp);
  }, 20);
  const statistics = async () => {
    const all = [...(await track.getRTCStatsReport()).values()];
    // There is none before the first packet.
    const {totalAudioEnergy = 0, totalSamplesDuration = 0} = all.find(entry => entry.type === 'inbound-rtp') ?? {};
    return {energy: totalAudioEnergy, seconds: totalSamplesDuration};
  };
  const playOn = async seconds => {
    const goal = (await statistics()).seconds + seconds;
    for (let now = 0; now < goal; now = (await statistics()).seconds) await new Promise(f => setTimeout(f, 50));
  };
  await playOn(0.5);
  const before = await statistics();
  const quiet = loudest;
  for (const text of sentences) {
    const {u} = await post(http + '/session-live/' + session.session_id + '/speak', {text});
    await until(() => messages.some(m => m.type === 'end' && m.u === u), 'end of ' + text);
  }
  await playOn(1);
  clearInterval(look);
  const after = await statistics();
  const result = {
    messages, heard, quiet, loudest, agent: session.agent, from: agent.identity, name: agent.name,
    kind: agent.kind, attributes: agent.attributes, energy: after.energy - before.energy,
    silence: before.energy, server: room.serverInfo?.version,
  };
  await room.disconnect();
  await fetch(http + '/session-live/' + session.session_id, {method: 'DELETE'});
  return result;
};
window.ready = true;
</script></body>"""


class Pages(http.server.SimpleHTTPRequestHandler):
    """The page, and the bundle's own files beside it."""

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        bundles = glob.glob(os.path.join(DIST, "assets", "index.module-*.js"))
        module = next(os.path.basename(b) for b in bundles if "LiveKitTransport" in open(b).read())
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.replace("MODULE", module).encode())

    def log_message(self, *_):
        pass


def digest(result):
    """What the test looks at, of all that the page saw."""
    of = lambda topic: [m for m in result["messages"] if m["topic"] == topic]
    # A newcomer gets what runs twice, so equal ones count once.
    speech = [m for i, m in enumerate(of("speech")) if m not in of("speech")[:i]]
    clock = next(m for m in reversed(speech) if m["type"] == "clock")
    starts = {m["u"]: m["t_ms"] for m in speech if m["type"] == "start"}
    ends = {m["u"]: m["t_ms"] for m in speech if m["type"] == "end"}
    # The clock formula of the message contract, on the timestamps that the browser plays.
    signed = lambda x: (x + 2**31) % 2**32 - 2**31
    times = [clock["t_ms"] + signed(stamp - clock["rtp"]) / 48 for stamp in result.pop("heard")]
    return {
        "utterances": [
            {
                "u": u,
                "starts": sum(m["type"] == "start" and m["u"] == u for m in speech),
                "ends": sum(m["type"] == "end" and m["u"] == u for m in speech),
                "words": [w for m in speech if m["type"] == "words" and m["u"] == u for w in m["words"]],
                "played": sum(starts[u] <= t <= ends.get(u, 0) for t in times),
            }
            for u in sorted(starts)
        ],
        "runs_backwards": sum(b < a for a, b in zip(times, times[1:])),
        "viseme_n": [m["n"] for m in of("viseme")],
        "prosody_n": [m["n"] for m in of("prosody")],
        "sums": [round(sum(m["weights"].values()), 6) for m in of("viseme")],
        "senders": sorted({m["from"] for m in result.pop("messages")}),
        **result,
    }


async def main():
    plan = json.load(sys.stdin)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=DIST))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            headless=True,
            args=[
                "--no-sandbox",
                "--allow-loopback-in-peer-connection",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        page = await browser.new_page()
        page.on("pageerror", lambda error: print(error, file=sys.stderr))
        await page.goto(f"http://127.0.0.1:{server.server_port}/")
        await page.wait_for_function("window.ready")
        result = await page.evaluate(
            "([http, sentences]) => listen(http, sentences)", [plan["http"], plan["sentences"]]
        )
        await browser.close()
    print(json.dumps(digest(result)))


asyncio.run(main())
