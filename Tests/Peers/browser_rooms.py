"""Five tabs of one Chromium with official JavaScript SDKs in a session of avatar-agent's demo, beside the Python SDK.

usage: browser_rooms.py AGENT SECONDS       AGENT: the avatar-agent program; SECONDS: how long all stay together
Tabs: the current SDK twice over one connection and twice over two, and version 2.9.8 as the Python SDK's wheel has it.
All publish and hear all others and the avatar, exchange data, texts and calls, and stay. Prints one JSON object.
"""
import asyncio, base64, json, os, subprocess, sys, tempfile, urllib.request

from processes import free_port, leave

AGENT, SECONDS = sys.argv[1], float(sys.argv[2])
PORT, HTTP = free_port(), free_port()
sys.argv[1:] = [f"ws://127.0.0.1:{PORT}", "v1"]
import browser_pages
import numpy as np
import room_scenarios as scenarios
from playwright.async_api import async_playwright

URL = sys.argv[1]
TABS = {"one": True, "two": False, "three": True, "four": False, "old": None}
AVATAR = "avatar"


def post(path, body):
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{HTTP}{path}", json.dumps(body).encode()), timeout=60) as answer:
        return json.load(answer)


async def main():
    work = tempfile.mkdtemp(prefix="avatar-pages-")
    log = open(os.path.join(work, "demo.log"), "w+")
    env = dict(os.environ, LIVEKIT_API_KEY=scenarios.KEY, LIVEKIT_API_SECRET=scenarios.SECRET)
    demo = subprocess.Popen([AGENT, "demo", "--room-port", str(PORT), "--http-port", str(HTTP)], stdout=subprocess.PIPE, stderr=log, env=env, cwd=work, text=True)
    complaints = []
    try:
        while "Ctrl-C" not in await asyncio.to_thread(demo.stdout.readline):
            assert demo.poll() is None, "the demo ended"
        session = await asyncio.to_thread(post, "/session-live", {})
        claims = session["webrtc"]["token"].split(".")[1]
        room = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["video"]["room"]
        avatar = session["agent"]["identity"]
        friend = await scenarios.Client("friend", room).join()
        friend.room.register_text_stream_handler("words", lambda reader, who: friend.tasks.append(asyncio.ensure_future(words(friend, reader, who))))

        @friend.room.local_participant.register_rpc_method("shout")
        async def shout(call):
            return call.payload.upper()

        await friend.publish("tone", 440)
        async with async_playwright() as playwright:
            base = browser_pages.serve(lambda: (URL, scenarios.token("old", room)))
            browser, context = await browser_pages.open_browser(playwright, base)
            tabs = [browser_pages.open_tab(context, base, complaints, name, URL, scenarios.token(name, room), single) for name, single in TABS.items()]
            pages = dict(zip(TABS, await asyncio.gather(*tabs)))

            async def everywhere(expression, argument=None):
                values = await asyncio.gather(*(page.evaluate(expression, argument) for page in pages.values()))
                return dict(zip(pages, values))

            # Every tab hears the four others, the tone and the avatar; the friend hears them all.
            spoken = [0]
            speaking = asyncio.ensure_future(speak_on(session["session_id"], spoken))
            count = f"received().then(all => Object.values(all)).then(all => all.length === {len(TABS) + 1} && all.every(x => x[0] > 0.001))"
            await asyncio.gather(*(browser_pages.until(page, count) for page in pages.values()))
            heard = {name: sorted(value) for name, value in (await everywhere("received()")).items()}
            await scenarios.until(lambda: sorted(n for n in friend.sound if loud(friend, n)) == sorted([*TABS, AVATAR]), "the friend hears all")
            await asyncio.gather(*(page.evaluate("text => say(text)", f"hello from {name}") for name, page in pages.items()))
            await friend.send(b"hello from friend", "friend")
            await friend.room.local_participant.send_text("many words", topic="words")
            # Each calls the next, in a ring through the friend.
            ring = ["friend", *TABS, "friend"]
            answers = [await pages[caller].evaluate("to => call(to)", to) for caller, to in zip(ring[1:], ring[2:])]
            answers.append(await friend.room.local_participant.perform_rpc(destination_identity="one", method="shout", payload="hello one", response_timeout=60))
            wanted = 3 * (len(TABS) - 1) + 2
            count = f"new Set(data.filter(([topic]) => !['viseme', 'prosody', 'speech'].includes(topic)).map(String)).size >= {wanted}"
            await asyncio.gather(*(page.wait_for_function(count, polling=100) for page in pages.values()))
            await scenarios.until(lambda: len(set(map(tuple, friend.got("page", "page lossy", "words")))) == 3 * len(TABS), "the friend gets all data")
            before = await everywhere("received()")
            await asyncio.sleep(SECONDS)
            after = await everywhere("received()")
            assert not speaking.done(), speaking.exception()
            speaking.cancel()
            everything = await everywhere("data")
            result = {
                "avatar": avatar,
                "heard": heard,
                "answers": answers,
                "data": {name: sorted({f"{topic}: {who}: {text}" for topic, who, text in data if topic not in ("viseme", "prosody", "speech")}) for name, data in everything.items()},
                "visemes": {name: sum(topic == "viseme" for topic, *_ in data) for name, data in everything.items()},
                # Packets a second that the quietest and the most disturbed way had.
                "rate": round(min((after[n][who][1] - before[n][who][1]) / SECONDS for n in after for who in TABS if who != n), 1),
                "lost": sum(after[n][who][2] for n in after for who in after[n]),
                "spoken": spoken[0],
                "stopped": [[n, who] for n in after for who in after[n] if after[n][who][1] <= before[n][who][1]],
                "events": await everywhere("events"),
                "states": await everywhere("room.state"),
                "servers": await everywhere("room.serverInfo?.version"),
                "there": sorted(friend.room.remote_participants),
                "friend": [e for e in friend.seen if e[0] in ("reconnecting", "disconnected", "left")],
                "complaints": complaints[:],
                "warnings": browser_pages.warnings,
            }
            await everywhere("room.disconnect()")
            await browser.close()
        for name in TABS:
            await friend.sees("left", name)
        await scenarios.done(friend)
        demo.terminate()
        result["exit"] = await asyncio.to_thread(demo.wait, 30)
        print(json.dumps(result))
    finally:
        if demo.poll() is None:
            demo.kill()


async def words(friend, reader, who):
    friend.data.append(["words", 0, who, 0, await reader.read_all()])


async def speak_on(session, count):
    while True:
        await asyncio.to_thread(post, f"/session-live/{session}/speak", {"text": "I speak to five tabs at once, and to a friend."})
        count[0] += 1
        await asyncio.sleep(6)


def loud(client, name):
    return any(np.abs(block).max() > 1000 for block in client.sound.get(name, []))


asyncio.run(main())
leave()
