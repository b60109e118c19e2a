"""Stands between a client's signalling and a room server, and may change or keep back what passes."""
import asyncio

import websockets


def proxy(url, up=lambda frame: frame, down=lambda frame: frame):
    """A server for clients of `url`; `up` and `down` give what to pass on for a frame, nothing for None."""

    async def passed_on(client):
        token = {k: v for k, v in client.request.headers.raw_items() if k.lower() == "authorization"}
        async with websockets.connect(url + client.request.path, additional_headers=token, max_size=None) as server:

            async def pump(source, target, change):
                async for frame in source:
                    frame = change(frame)
                    if frame is not None:
                        await target.send(frame)

            ways = [asyncio.ensure_future(pump(client, server, up)), asyncio.ensure_future(pump(server, client, down))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()

    return websockets.serve(passed_on, "127.0.0.1", 0, max_size=None)


def address(server):
    """Where clients find it."""
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
