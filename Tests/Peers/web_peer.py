# SPDX-License-Identifier: Apache-2.0
"""The other side of Tests/WebTests: well-behaved and broken servers, all on loopback.

Prints one line of JSON (ports by name, and the certificate authority's file), then serves until its
standard input ends.
"""
import asyncio
import base64
import datetime
import hashlib
import ipaddress
import json
import logging
import os
import shutil
import ssl
import sys
import tempfile
from pathlib import Path

# Request lines of 16 KB are what these tests are about; the library reads this when imported.
os.environ["WEBSOCKETS_MAX_LINE_LENGTH"] = "20000"

import websockets.asyncio.server as ws
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

scratch = Path(tempfile.mkdtemp(prefix="avatar-web-peer-"))
# Peers that break off are the rule here.
logging.disable(logging.CRITICAL)
DAY = datetime.timedelta(days=1)


def certificate(name, issuer=None, names=("localhost", "127.0.0.1"), begin=-1, end=30, is_ca=False):
    """Writes name.pem (certificate and key) and returns (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    alternatives = []
    for text in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(text)))
        except ValueError:
            alternatives.append(x509.DNSName(text))
    builder = (
        x509.CertificateBuilder().subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
    if not is_ca:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (scratch / f"{name}.pem").write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    return made, key


def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(scratch / f"{name}.pem")
    return made


# MARK: websockets, well behaved

async def serve_websocket(connection):
    path = connection.request.path
    if path.startswith("/echo"):
        async for message in connection:
            await connection.send(message)
    elif path.startswith("/fragments"):
        await connection.send(["ab", "cd", "ef"])
        await connection.ping()
        await connection.wait_closed()
    elif path.startswith("/request"):
        headers = [[k, v] for k, v in connection.request.headers.raw_items()]
        await connection.send(json.dumps({"path": path, "headers": headers}))
        await connection.wait_closed()
    elif path.startswith("/close"):
        await connection.close(4001, "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl is over")
    elif path.startswith("/big"):
        await connection.send(bytes(int(path.split("=")[1])))
        await connection.wait_closed()
    elif path.startswith("/hold"):
        # Reads nothing: the other side's queue fills.
        connection.transport.pause_reading()
        await asyncio.sleep(3600)


def refuse(connection, request):
    if request.path.startswith("/refuse"):
        token = request.headers.get("Authorization", "Bearer none").split()[-1]
        response = connection.respond(401, f"invalid token: {token}, error: expired")
        return response
    if request.path.startswith("/redirect"):
        response = connection.respond(302, "elsewhere")
        response.headers["Location"] = "/echo"
        return response
    return None


# MARK: websockets, broken

async def read_head(reader):
    return await reader.readuntil(b"\r\n\r\n")


async def accept(reader, writer):
    head = await read_head(reader)
    key = next(
        line.split(b":")[1].strip() for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key"))
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
    await writer.drain()
    return head


async def broken(reader, writer):
    """The path of the request says what goes wrong."""
    try:
        head = await accept(reader, writer)
        path = head.split(b" ")[1].decode()
        frames = {
            "/opcode": b"\x8b\x00",
            "/reserved": b"\xf2\x01a",
            "/announced": b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" + b"x" * 20_000,
            "/utf8": b"\x81\x02\xc3\x28",
            "/vanish": b"",
        }
        if path in frames:
            writer.write(frames[path])
            await writer.drain()
            if path != "/vanish":
                await reader.read()
        elif path == "/endless":
            # One message in fragments without an end.
            writer.write(b"\x02\x02ab")
            while True:
                writer.write(b"\x00\x7e\xff\xff" + bytes(65535))
                await writer.drain()
        elif path == "/mute":
            while await reader.read(4096):
                pass
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def silent(reader, writer):
    try:
        while await reader.read(4096):
            pass
    except ConnectionError:
        pass
    finally:
        writer.close()


async def garbage(reader, writer):
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n" + bytes(range(256)))
    await writer.drain()
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def bad_accept(reader, writer):
    await read_head(reader)
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n")
    await silent(reader, writer)


# MARK: HTTP

seen = {"posts": 0, "cut": asyncio.Event()}


def application():
    app = web.Application(client_max_size=1 << 24)

    async def hello(request):
        response = web.Response(text="hello")
        response.headers.add("X-Two", "1")
        response.headers.add("X-Two", "2")
        return response

    async def echo(request):
        body = await request.read()
        return web.Response(
            body=body, headers={"X-Method": request.method, "X-Seen": json.dumps(
                [[k, v] for k, v in request.headers.items()])})

    turns = asyncio.Queue()

    async def turns_taken(request):
        """Five pieces, each but the first sent when `turn` has been called."""
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(5):
            await response.write(f"{number};".encode())
            await turns.get()
        return response

    async def turn(request):
        turns.put_nowait(None)
        return web.Response(text="on")

    async def endless(request):
        """Until the client leaves; then `left` is answered."""
        response = web.StreamResponse()
        await response.prepare(request)
        sent = 0
        try:
            while sent < 1 << 28:
                await response.write(bytes(65536))
                sent += 65536
                seen["endless"] = sent
        finally:
            seen["cut"].set()
        return response

    async def left(request):
        await seen["cut"].wait()
        return web.Response(text=str(seen["endless"]))

    async def stall(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"begin")
        if request.query.get("then") == "cut":
            request.transport.close()
        else:
            await asyncio.sleep(3600)
        return response

    async def never(request):
        await asyncio.sleep(3600)

    async def status(request):
        return web.Response(status=int(request.match_info["code"]), text="why", headers=(
            {"Location": "/hello"} if request.match_info["code"] == "302" else {}))

    async def headers(request):
        return web.Response(headers={f"X-{n}": "a" * 7000 for n in range(20)})

    app.add_routes([
        web.get("/hello", hello), web.route("*", "/echo", echo),
        web.get("/turns", turns_taken), web.get("/turn", turn),
        web.get("/endless", endless), web.get("/left", left), web.get("/stall", stall),
        web.get("/never", never), web.get("/status/{code}", status), web.get("/headers", headers)])
    return app


async def forgetful(reader, writer):
    """Answers a connection's first request; takes the second whole, and closes without a word."""
    try:
        for number in range(2):
            head = await read_head(reader)
            length = next(
                (int(line.split(b":")[1]) for line in head.split(b"\r\n")
                 if line.lower().startswith(b"content-length")), 0)
            await reader.readexactly(length)
            if head.startswith(b"POST"):
                seen["posts"] += 1
            if number == 0:
                body = str(seen["posts"]).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def proxy(reader, writer):
    """Answers for any host, or opens a tunnel to the port asked for on 127.0.0.1."""
    head = await read_head(reader)
    method, target = head.split(b" ")[:2]
    if method != b"CONNECT":
        body = b"proxied " + target
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return writer.close()
    far_reader, far_writer = await asyncio.open_connection(
        "127.0.0.1", int(target.rsplit(b":", 1)[1]))
    writer.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")

    async def copy(source, sink):
        try:
            while piece := await source.read(65536):
                sink.write(piece)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))


async def main():
    ca = certificate("ca", is_ca=True)
    (scratch / "ca.crt").write_bytes(ca[0].public_bytes(serialization.Encoding.PEM))
    certificate("good", ca)
    certificate("wrong", ca, names=("elsewhere.test",))
    certificate("expired", ca, begin=-9, end=-2)
    certificate("selfsigned")
    ports = {"ca": str(scratch / "ca.crt")}

    async def websocket(name, host, tls=None):
        server = await ws.serve(
            serve_websocket, host, 0, ssl=tls, process_request=refuse, max_size=1 << 22)
        ports[name] = server.sockets[0].getsockname()[1]

    async def raw(name, handler, tls=None):
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
        ports[name] = server.sockets[0].getsockname()[1]

    await websocket("ws", "127.0.0.1")
    await websocket("ws6", "::1")
    for name in ("good", "wrong", "expired", "selfsigned"):
        await websocket(f"wss_{name}", "127.0.0.1", context(name))
    async def http(name, tls=None):
        runner = web.AppRunner(application(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        ports[name] = site._server.sockets[0].getsockname()[1]

    await http("http")
    for name in ("good", "wrong", "expired", "selfsigned"):
        await http(f"https_{name}", context(name))
    await raw("forgetful", forgetful)
    await raw("proxy", proxy)
    await raw("broken", broken)
    await raw("silent", silent)
    await raw("garbage", garbage)
    await raw("bad_accept", bad_accept)
    print(json.dumps(ports), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)  # not waiting for connections that are held open on purpose


asyncio.run(main())
