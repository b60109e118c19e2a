"""An official client whose answer gets lost on its way to avatar-agent's room server.

usage: unanswered_offer.py AGENT       AGENT: the avatar-agent program
Bob joins through a proxy that keeps back his answer to the offer with Alice's track. The server gives him up after its limit
and asks him to join anew, which the SDK does by itself. Prints one JSON object.
"""
import asyncio, json, os, subprocess, sys, tempfile, time

import signal_proxy
from processes import end, free_port, leave

AGENT, PORT = sys.argv[1], free_port()
sys.argv[1:] = [f"ws://127.0.0.1:{PORT}", "v0"]
import room_scenarios as scenarios
from livekit.protocol import rtc as P

scenarios.PATIENCE = 90


async def main():
    env = dict(os.environ, LIVEKIT_API_KEY=scenarios.KEY, LIVEKIT_API_SECRET=scenarios.SECRET)
    work = tempfile.mkdtemp(prefix="avatar-unanswered-")
    log = open(os.path.join(work, "server.log"), "w+")
    server = subprocess.Popen([AGENT, "room-server", "--room-port", str(PORT)], stdout=subprocess.PIPE, stderr=log, env=env, cwd=work, text=True)
    kept, leaves, keeps = [], [], False

    def up(frame):
        kind = P.SignalRequest.FromString(frame).WhichOneof("message")
        if keeps and not leaves and kind == "answer":
            kept.append(time.monotonic())
            return None
        return frame

    def down(frame):
        message = P.SignalResponse.FromString(frame)
        if message.WhichOneof("message") == "leave":
            leaves.append([int(message.leave.reason), int(message.leave.action), time.monotonic()])
        return frame

    try:
        await asyncio.to_thread(server.stdout.readline)
        async with signal_proxy.proxy(sys.argv[1], up, down) as proxy:
            bob = await scenarios.Client("bob", "quiet").join(signal_proxy.address(proxy))
            alice = await scenarios.Client("alice", "quiet").join()
            await bob.sees("joined", "alice")
            keeps = True
            await alice.publish("voice", 440)
            await scenarios.until(lambda: leaves, "bob is asked to join anew")
            pitch = await bob.hears("voice", 440)
            first = leaves[0]
            result = {
                "kept": len(kept), "reason": first[0], "action": first[1], "waited": round(first[2] - kept[0], 1), "heard": pitch,
                "bob": [e for e in bob.seen if e[0] in ("reconnecting", "reconnected", "disconnected")],
                "alice": [e[0] for e in alice.seen if e[0] in ("reconnecting", "disconnected")],
            }
            await scenarios.done(alice, bob)
        result["exit"] = await asyncio.to_thread(end, server, 30)
        log.seek(0)
        result["log"] = [line for line in log.read().splitlines() if " warning " in line]
        print(json.dumps(result))
    finally:
        if server.poll() is None:
            server.kill()


asyncio.run(main())
leave()
