"""A room server among clients that mean it harm, while two official ones talk.

usage: hostile_clients.py AGENT        AGENT: the avatar-agent program
Prints one JSON object: what the two heard and received, how the server fared.
"""
import asyncio, base64, gzip, json, os, random, re, socket, struct, subprocess, sys, tempfile, time

import websockets

from processes import leave

WORK = tempfile.mkdtemp(prefix="avatar-hostile-")
PORT = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
sys.argv[1:], AGENT = [f"ws://127.0.0.1:{PORT}", "v1"], sys.argv[1]
# The clients of the scenarios; their main does nothing without a scenario's name.
import importlib.util

spec = importlib.util.spec_from_file_location("room_scenarios", os.path.join(os.path.dirname(os.path.abspath(__file__)), "room_scenarios.py"))
scenarios = importlib.util.module_from_spec(spec)
sys.stdout, out = open(os.devnull, "w"), sys.stdout
spec.loader.exec_module(scenarios)
sys.stdout = out
from livekit.protocol import rtc as P

URL = sys.argv[1]
dice = random.Random(5)
WRONG_SDP = [
    "", "v=0", "\0" * 1000, "v=0\r\n" * 5000, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\n" * 400,
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\n",
]


def headers(identity, room="hostile"):
    return {"Authorization": "Bearer " + scenarios.token(identity, room)}


async def connect(identity, query="/rtc?protocol=15", **kw):
    return await websockets.connect(URL + query, additional_headers=headers(identity), max_size=None, open_timeout=60, **kw)


async def ends(ws):
    """Reads until the server ends the connection."""
    try:
        while True:
            await asyncio.wait_for(ws.recv(), 60)
    except websockets.ConnectionClosed:
        return True
    except asyncio.TimeoutError:
        return False


async def garbage_frames():
    ended = 0
    for n in range(20):
        ws = await connect(f"garbage{n}")
        try:
            await ws.send(dice.randbytes(dice.choice((1, 10, 1000, 50000))))
            await ws.send("text " * n)
            await ws.send(b"\xff" * 10)
        except websockets.ConnectionClosed:
            pass
        ended += await ends(ws)
    return ended


async def wrong_descriptions():
    ws = await connect("wrong")
    for sdp in WRONG_SDP:
        for kind in ("offer", "answer"):
            await ws.send(P.SignalRequest(**{kind: P.SessionDescription(type=kind, sdp=sdp, id=1)}).SerializeToString())
    for candidate in ("", "{", "null", '{"candidate":5}', '{"candidate":"candidate:1 1 udp 1 999.1.1.1 99999 typ host"}', "x" * 100000):
        for target in (0, 1):
            await ws.send(P.SignalRequest(trickle=P.TrickleRequest(candidateInit=candidate, target=target)).SerializeToString())
    await ws.send(P.SignalRequest(ping=1).SerializeToString())
    while P.SignalResponse.FromString(await asyncio.wait_for(ws.recv(), 60)).WhichOneof("message") != "pong":
        pass
    await ws.close()
    return True


async def too_long_messages():
    """10 MB in one message, and in pieces; 2 MB of zeros in a join request of 2 KB."""
    ended = 0
    for _ in range(2):
        ws = await connect("long")
        try:
            await ws.send(bytes(10 << 20))
        except websockets.ConnectionClosed:
            pass
        ended += await ends(ws)
    bomb = P.WrappedJoinRequest(compression=1, join_request=gzip.compress(bytes(2 << 20))).SerializeToString()
    try:
        await connect("bomb", "/rtc/v1?join_request=" + base64.urlsafe_b64encode(bomb).decode())
    except websockets.InvalidStatus as e:
        ended += e.response.status_code == 400
    return ended


async def flood_of_requests():
    """Thousands of messages by one client that never reads."""
    ws = await connect("flood", max_queue=1)
    message = P.SignalRequest(add_track=P.AddTrackRequest(cid="c", name="n" * 1000)).SerializeToString()
    try:
        for n in range(20000):
            await asyncio.wait_for(ws.send(message), 5)
    except (websockets.ConnectionClosed, asyncio.TimeoutError):
        pass
    ws.transport.abort()
    return True


JOINS = 2000


async def flood_of_joins():
    """Joins as fast as they go, bare requests on bare sockets, most of them with the same few identities: how many, and how many a second."""
    requests = [
        f"GET /rtc?protocol=15&access_token={scenarios.token(f'joiner{n}', 'hostile')} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode() for n in range(40)]
    waiting, joined = iter(range(JOINS)), 0

    async def client():
        nonlocal joined
        for n in waiting:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
                writer.write(requests[n % 40])
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
                # The first frame is the join's answer.
                await asyncio.wait_for(reader.readexactly(2), 60)
                writer.transport.abort()
                joined += b" 101 " in head
            except (OSError, EOFError, asyncio.TimeoutError):
                pass

    start = time.monotonic()
    await asyncio.gather(*(client() for _ in range(100)))
    return [joined, round(JOINS / (time.monotonic() - start))]


async def half_open_sockets():
    """Connections that say half a request, or none, and stay."""
    held = []
    for n in range(200):
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        if n % 2:
            writer.write(b"GET /rtc?access_token=" + b"x" * (n * 10))
        held.append(writer)
    return held


def stray_datagrams(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for n in range(5000):
            kind = n % 4
            if kind == 0:
                data = struct.pack("!HHI", 1, 12, 0x2112A442) + dice.randbytes(12) + struct.pack("!HH", 6, 8) + b"abcd:efg"
            elif kind == 1:
                data = bytes([22, 254, 253]) + dice.randbytes(60)
            elif kind == 2:
                data = b"\x80\x6f" + dice.randbytes(100)
            else:
                data = dice.randbytes(dice.randrange(0, 1500))
            s.sendto(data, ("127.0.0.1", port))


def memory(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def udp_ports(pid):
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    return [int(f[1].split(":")[1], 16) for f in (line.split() for line in list(open("/proc/net/udp"))[1:]) if f[9] in inodes]


async def main():
    log = open(os.path.join(WORK, "server.log"), "w+")
    env = dict(os.environ, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)
    server = subprocess.Popen([AGENT, "room-server", "--room-port", str(PORT)], stdout=subprocess.PIPE, stderr=log, env=env, cwd=WORK, text=True)
    result, begun = {}, time.monotonic()
    try:
        await asyncio.to_thread(server.stdout.readline)
        alice, bob = await scenarios.two("friends")
        await alice.publish("voice", 440)
        await bob.hears("voice", 440)
        result["memory_before"] = round(memory(server.pid))
        held = await half_open_sockets()
        sent, numbers = 0, asyncio.Event()

        async def chatter():
            nonlocal sent
            while not numbers.is_set():
                await alice.send(b"%d" % sent, "count")
                sent += 1
                await asyncio.sleep(0.02)

        talking = asyncio.ensure_future(chatter())
        for port in udp_ports(server.pid):
            await asyncio.to_thread(stray_datagrams, port)
        for attack in (garbage_frames, wrong_descriptions, too_long_messages, flood_of_requests, flood_of_joins):
            result[attack.__name__] = await attack()
        numbers.set()
        await talking
        await scenarios.until(lambda: len(bob.got("count")) == sent, "all numbers")
        result["numbers"] = [d[4] for d in bob.data if d[0] == "count"] == [str(n) for n in range(sent)]
        result["heard"] = await bob.hears("voice", 440)
        result["undisturbed"] = not any(e[0] in ("reconnecting", "disconnected", "left") for c in (alice, bob) for e in c.seen)
        carol = await scenarios.Client("carol", "friends").join()
        result["newcomer"] = await carol.hears("voice", 440)
        result["memory_after"] = round(memory(server.pid))
        for writer in held:
            writer.close()
        await scenarios.done(alice, bob, carol)
        server.terminate()
        result["exit"] = await asyncio.to_thread(server.wait, 30)
        log.seek(0)
        lines = log.read().splitlines()
        result["warnings"] = len([x for x in lines if " warning " in x or " error " in x])
        # What came at a human pace is told line by line, the rest by count.
        told, counted = {}, {}
        for line in lines:
            words = re.match(r"\S+ \w+ +room-server: ([a-z ]+?) \w+=", line)
            if words:
                count = re.search(r" count=(\d+)", line)
                told[words[1]] = told.get(words[1], 0) + 1
                counted[words[1]] = counted.get(words[1], 0) + (int(count[1]) if count else 1)
        result["log"] = {"lines": len(lines), "told": told, "counted": counted, "seconds": round(time.monotonic() - begun)}
        print(json.dumps(result))
    finally:
        if server.poll() is None:
            server.kill()


asyncio.run(main())
leave()
