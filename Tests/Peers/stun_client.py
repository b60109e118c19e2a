# SPDX-License-Identifier: Apache-2.0
"""A session whose room server names a STUN server behind an address translator: which candidates does it trickle?

aioice reads and writes the STUN messages. The translator gives the requests another port, as a router
would, so that what the server sees is news. The second name that the room server tells has no address.

Reads the plan of with_agent.py on stdin ("stun": the port of --ice-servers, "trace": the room server's
signalling); prints one JSON object.
"""
import asyncio
import json
import sys
import urllib.request

from aioice import stun


class Server(asyncio.DatagramProtocol):
    """Answers binding requests with the address that they came from."""

    def __init__(self):
        self.requests = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        request = stun.parse_message(data)
        if (request.message_method, request.message_class) != (stun.Method.BINDING, stun.Class.REQUEST):
            return
        self.requests += 1
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = address
        self.transport.sendto(bytes(answer), address)


class Translator(asyncio.DatagramProtocol):
    """Sends what comes from each address on from a port of its own, and the answers back."""

    def __init__(self, server):
        self.server, self.outer, self.lock = server, {}, asyncio.Lock()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        asyncio.ensure_future(self.forward(data, address))

    async def forward(self, data, address):
        async with self.lock:
            if address not in self.outer:
                back = lambda answer: self.transport.sendto(answer, address)
                protocol = type("Back", (asyncio.DatagramProtocol,), {"datagram_received": lambda _, answer, __: back(answer)})
                loop = asyncio.get_running_loop()
                self.outer[address], _ = await loop.create_datagram_endpoint(protocol, remote_addr=self.server)
        self.outer[address].sendto(data)


def call(url):
    request = urllib.request.Request(url, method="POST", data=b"{}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def trickled(path):
    """The server-reflexive candidates that the agent trickled, by connection."""
    found = {}
    for line in open(path):
        if not line.endswith("\n"):
            break  # It is being written.
        event = json.loads(line)
        if event.get("ev") != "signal" or event.get("type") != "trickle" or event.get("dir") != "C2S":
            continue
        candidate = json.loads(event["body"].get("candidateInit") or "{}").get("candidate", "")
        if "typ srflx" in candidate:
            found.setdefault(event["body"].get("target", "PUBLISHER"), []).append(candidate)
    return found


async def main():
    plan = json.load(sys.stdin)
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    inside = transport.get_extra_info("sockname")
    _, translator = await loop.create_datagram_endpoint(
        lambda: Translator(inside), local_addr=("127.0.0.1", plan["stun"])
    )
    session = await loop.run_in_executor(None, call, plan["http"] + "/session-live")
    for _ in range(1500):
        found = trickled(plan["trace"])
        if len(found) == 2:
            break
        await asyncio.sleep(0.02)
    ports = sorted(t.get_extra_info("sockname")[1] for t in translator.outer.values())
    print(json.dumps({"session": session["session_id"], "candidates": found, "ports": ports, "requests": server.requests}))


asyncio.run(main())
