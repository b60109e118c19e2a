"""A browser behind a lossy network in a room of avatar-agent's room server, beside a client behind none.

usage: lossy_room.py AGENT       AGENT: the avatar-agent program
The browser's SDK has two connections: over one alone it asks for no lost sound, nor does the Python SDK ever.
Between the client and the server stands a relay of ours: it passes the signalling on with its own address in the server's
candidates, and loses RTP packets of both directions by a dice. Sequence numbers are in the clear, so it sees which of them
come again. Prints one JSON object: what was lost, asked for and repaired, and what both were told about the connection.
"""
import asyncio, json, os, random, subprocess, sys, tempfile

import signal_proxy
from processes import end, free_port, leave

AGENT = sys.argv[1]
PORT = free_port()
sys.argv[1:] = [f"ws://127.0.0.1:{PORT}", "v1"]
import browser_pages
import room_scenarios as scenarios
from livekit.protocol import rtc as P
from playwright.async_api import async_playwright

# Four windows of quality, and then some for a busy machine.
scenarios.PATIENCE = 90


class Relay:
    """Both ways of one client's datagrams."""

    def __init__(self):
        self.dice, self.loss, self.server = random.Random(7), 0.0, None
        self.ways = {"up": {}, "down": {}}
        self.passed = {"up": 0, "down": 0}
        self.upstreams, self.front = {}, None

    async def open(self):
        loop = asyncio.get_running_loop()
        self.front, _ = await loop.create_datagram_endpoint(lambda: Socket(self.from_client), local_addr=("127.0.0.1", 0))
        self.port = self.front.get_extra_info("sockname")[1]

    def from_client(self, data, address):
        if address not in self.upstreams:
            self.upstreams[address] = None
            asyncio.ensure_future(self.connect(address, data))
        elif self.upstreams[address] and self.passes("up", data):
            self.upstreams[address].sendto(data)

    async def connect(self, address, first):
        while self.server is None:
            await asyncio.sleep(0.01)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Socket(lambda data, _: self.passes("down", data) and self.front.sendto(data, address)), remote_addr=("127.0.0.1", self.server))
        self.upstreams[address] = transport
        transport.sendto(first)

    def passes(self, way, data):
        # RFC 5761: RTP, and not RTCP.
        if not 128 <= data[0] < 192 or 64 <= data[1] & 0x7F < 96:
            return True
        number = (data[8:12], data[2:4])
        self.passed[way] += 1
        if self.dice.random() < self.loss:
            self.ways[way].setdefault(number, False)
            return False
        if number in self.ways[way]:
            self.ways[way][number] = True
        return True

    def counts(self):
        """Packets that passed, that were lost at least once, and that came again later, by way; forgets them."""
        result = {way: [self.passed[way], len(lost), sum(lost.values())] for way, lost in self.ways.items()}
        self.ways, self.passed = {"up": {}, "down": {}}, {"up": 0, "down": 0}
        return result

    def rewritten(self, frame):
        message = P.SignalResponse.FromString(frame)
        if message.WhichOneof("message") != "trickle":
            return frame
        candidate = json.loads(message.trickle.candidateInit)
        words = candidate["candidate"].split(" ")
        if words[4] == "127.0.0.1":
            self.server = int(words[5])
        words[4:6] = ["127.0.0.1", str(self.port)]
        candidate["candidate"] = " ".join(words)
        message.trickle.candidateInit = json.dumps(candidate)
        return message.SerializeToString()


class Socket(asyncio.DatagramProtocol):
    def __init__(self, received):
        self.received = received

    def datagram_received(self, data, address):
        self.received(data, address)


URL = sys.argv[1]
NAMES = {0: "poor", 1: "good", 2: "excellent", 3: "lost"}


async def main():
    work = tempfile.mkdtemp(prefix="avatar-lossy-")
    log = open(os.path.join(work, "server.log"), "w+")
    env = dict(os.environ, LIVEKIT_API_KEY=scenarios.KEY, LIVEKIT_API_SECRET=scenarios.SECRET)
    server = subprocess.Popen([AGENT, "room-server", "--room-port", str(PORT)], stdout=subprocess.PIPE, stderr=log, env=env, cwd=work, text=True)
    relay, told, complaints = Relay(), [], []
    result = {}
    try:
        await asyncio.to_thread(server.stdout.readline)
        await relay.open()
        async with signal_proxy.proxy(URL, down=relay.rewritten) as proxy, async_playwright() as playwright:
            door = signal_proxy.address(proxy)
            alice = scenarios.Client("alice", "lossy")
            alice.room.on("connection_quality_changed", lambda who, quality: told.append([who.identity, NAMES[int(quality)]]))
            await alice.join()
            await alice.publish("high", 880)
            base = browser_pages.serve()
            browser, context = await browser_pages.open_browser(playwright, base)
            page = await browser_pages.open_tab(context, base, complaints, "tab", door, scenarios.token("tab", "lossy"), False)

            async def last(*qualities):
                """Until both were told last that the tab's connection is one of these."""

                def alice_knows():
                    found = [q for name, q in told if name == "tab"]
                    return found and found[-1] in qualities

                await scenarios.until(alice_knows, f"alice is told that the tab's connection is {qualities}: {told}")
                await page.wait_for_function(
                    "names => names.includes(qualities.findLast(([who]) => who === 'tab')?.[1])", arg=list(qualities), polling=100)

            await browser_pages.until(page, "received().then(all => Object.values(all).some(x => x[0] > 0.001))")
            await last("excellent")
            relay.counts()
            # A tenth is lost: most of it is asked for again and comes.
            relay.loss = 0.1
            await scenarios.until(lambda: min(relay.passed.values()) > 250, "five seconds of packets")
            await asyncio.sleep(0.5)
            result["tenth"] = relay.counts()
            # Nine tenths are lost, and of what is sent again nine tenths too.
            relay.loss = 0.9
            await last("poor")
            result["most"] = relay.counts()
            relay.loss = 0
            await last("excellent")
            result["told"] = told
            result["tab"] = await page.evaluate("qualities")
            result["events"] = [e for e in alice.seen if e[0] in ("reconnecting", "disconnected", "left")] + await page.evaluate("events") + complaints
            await page.evaluate("room.disconnect()")
            await browser.close()
            await scenarios.done(alice)
        result["exit"] = await asyncio.to_thread(end, server, 30)
        print(json.dumps(result))
    finally:
        if server.poll() is None:
            server.kill()


asyncio.run(main())
leave()
