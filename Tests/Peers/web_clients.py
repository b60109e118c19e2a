# SPDX-License-Identifier: Apache-2.0
"""Python's `websockets` as the client of our websocket server: web_clients.py URL.

Prints one line of JSON: what each scenario saw.
"""
import asyncio
import json
import os
import sys

import websockets
from websockets.asyncio.client import connect

url = sys.argv[1]
results = {}


async def echo():
    """20 clients, 20 messages each, whole and in fragments, with pings between."""
    async def one(seed):
        async with connect(url + "/echo", max_size=1 << 21, ping_interval=None) as socket:
            for number in range(20):
                size = (seed * 7919 + number * 52_361) % 200_000
                message = os.urandom(size)
                if number % 3 == 0:
                    step = max(1, size // 5)
                    await socket.send([message[i:i + step] for i in range(0, size, step)] or [b""])
                else:
                    await socket.send(message)
                if number % 5 == 0:
                    await (await socket.ping())
                if await socket.recv() != message:
                    return False
            await socket.send("Grüße")
            return await socket.recv() == "Grüße"
    results["echo"] = all(await asyncio.gather(*(one(seed) for seed in range(20))))


async def large():
    async with connect(url + "/echo", max_size=1 << 21) as socket:
        await socket.send(bytes(1 << 20))
        results["largest"] = len(await socket.recv())
        await socket.send(bytes((1 << 20) + 1))
        try:
            await socket.recv()
        except websockets.ConnectionClosed as closed:
            results["too_large"] = closed.rcvd.code if closed.rcvd else None


async def subprotocol():
    async with connect(url + "/echo", subprotocols=["a", "chosen"]) as socket:
        results["subprotocol"] = socket.subprotocol
        results["header"] = socket.response.headers.get("X-Extra")


async def refused():
    try:
        async with connect(url + "/refused"):
            pass
    except websockets.InvalidStatus as failure:
        results["refused"] = [failure.response.status_code, failure.response.body.decode()]


async def closes():
    async with connect(url + "/bye") as socket:
        await socket.wait_closed()
        results["server_close"] = [socket.close_code, socket.close_reason]
    async with connect(url + "/echo") as socket:
        await socket.close(4002, "done")
        results["client_close"] = socket.close_code


async def main():
    await asyncio.gather(echo(), large(), subprotocol(), refused(), closes())
    print(json.dumps(results))


asyncio.run(main())
