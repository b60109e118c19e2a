# SPDX-License-Identifier: Apache-2.0
"""Chromium as one end of a connection: the words of aiortc_peer.py, spoken by a page.

usage: chromium_peer.py offer|answer

Its microphone is the browser's fake one, which beeps once a second. "audio" tells the packets
received, as frames, and the root of the mean power since the last time.
"""
import asyncio
import http.server
import json
import os
import sys
import threading

from playwright.async_api import async_playwright

PAGE = """
<script>
const tell = (say, fields) => report(JSON.stringify({say, ...fields}));
let peer;
function serve(channel) {
  channel.binaryType = 'arraybuffer';
  const opened = () => tell('channel', {label: channel.label});
  if (channel.readyState === 'open') opened(); else channel.onopen = opened;
  channel.onmessage = event => {
    const bytes = event.data.byteLength ?? event.data.length;
    tell('echo', {label: channel.label, bytes});
    channel.send(event.data);
  };
}
async function make() {
  peer = new RTCPeerConnection();
  peer.onconnectionstatechange = () => tell('state', {state: peer.connectionState});
  // What nobody plays is not decoded.
  peer.ontrack = event => {
    window.player = new Audio();
    window.player.srcObject = new MediaStream([event.track]);
    window.player.play();
  };
  peer.ondatachannel = event => serve(event.channel);
  const media = await navigator.mediaDevices.getUserMedia({audio: true});
  peer.addTrack(media.getAudioTracks()[0], media);
  let energy = 0, duration = 0;
  setInterval(async () => {
    for (const entry of (await peer.getStats()).values()) {
      if (entry.type !== 'inbound-rtp') continue;
      const span = entry.totalSamplesDuration - duration;
      const rms = span > 0 ? Math.sqrt((entry.totalAudioEnergy - energy) / span) : 0;
      tell('audio', {mid: entry.mid, frames: entry.packetsReceived, rms});
      energy = entry.totalAudioEnergy;
      duration = entry.totalSamplesDuration;
    }
  }, 250);
}
const gathered = () => new Promise(done => {
  if (peer.iceGatheringState === 'complete') return done();
  peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
});
async function offer(restarting) {
  if (restarting) peer.restartIce();
  else {
    await make();
    serve(peer.createDataChannel('theirs'));
  }
  await peer.setLocalDescription();
  await gathered();
  return peer.localDescription.sdp;
}
const accept = sdp => peer.setRemoteDescription({type: 'answer', sdp});
async function answer(sdp) {
  if (!peer) await make();
  await peer.setRemoteDescription({type: 'offer', sdp});
  await peer.setLocalDescription();
  await gathered();
  return peer.localDescription.sdp;
}
</script>
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_):
        pass


async def main():
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_event_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    # A microphone is given to secure pages only, and 127.0.0.1 counts as one.
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            headless=True,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                "--allow-loopback-in-peer-connection",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        context = await browser.new_context(permissions=["microphone"])
        page = await context.new_page()
        await page.expose_function("report", lambda text: print(text, flush=True))
        await page.goto(address)
        is_offerer = sys.argv[1] == "offer"
        if is_offerer:
            sdp = await page.evaluate("offer(false)")
            print(json.dumps({"say": "offer", "sdp": sdp}), flush=True)
        while line := await reader.readline():
            message = json.loads(line)
            if message.get("restart"):
                sdp = await page.evaluate("offer(true)")
                print(json.dumps({"say": "offer", "sdp": sdp}), flush=True)
            elif is_offerer:
                await page.evaluate("sdp => accept(sdp)", message["sdp"])
            else:
                sdp = await page.evaluate("sdp => answer(sdp)", message["sdp"])
                print(json.dumps({"say": "answer", "sdp": sdp}), flush=True)
        await browser.close()


asyncio.run(main())
