# SPDX-License-Identifier: Apache-2.0
"""aioice as one end of an ICE connection, for tests that hold the other end.

usage: aioice_peer.py controlling|controlled

Prints its credentials and candidates, then "ready":
    credentials <ufrag> <password>
    candidate <line>
    ready
and reads the same of the other end, "ready" being preceded by "lite" when that is a lite agent.
Then it connects, prints "connected", and sends every datagram back. End of input ends it.

aioice nominates aggressively: each of its checks says USE-CANDIDATE.
"""
import asyncio
import sys

import aioice
import aioice.ice

# aioice leaves loopback out; tests stay on it.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def say(*words):
    print(*words, flush=True)


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def echo(connection):
    try:
        while True:
            await connection.send(await connection.recv())
    except ConnectionError:
        pass  # closed, by the end of our input


async def main():
    connection = aioice.Connection(ice_controlling=sys.argv[1] == "controlling")
    await connection.gather_candidates()
    say("credentials", connection.local_username, connection.local_password)
    for candidate in connection.local_candidates:
        say("candidate", candidate.to_sdp())
    say("ready")
    reader = await lines()
    while word := (await reader.readline()).decode().split(maxsplit=1):
        if word[0] == "credentials":
            connection.remote_username, connection.remote_password = word[1].split()
        elif word[0] == "candidate":
            await connection.add_remote_candidate(
                aioice.Candidate.from_sdp(word[1].strip().removeprefix("candidate:"))
            )
        elif word[0] == "lite":
            connection.remote_is_lite = True
        elif word[0] == "ready":
            await connection.add_remote_candidate(None)
            await connection.connect()
            say("connected")
            asyncio.ensure_future(echo(connection))
    await connection.close()


asyncio.run(main())
