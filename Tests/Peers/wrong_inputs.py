"""Gives avatar-agent wrong input as a user would, and tells what it did.

usage: wrong_inputs.py AGENT GROUP
  AGENT   the avatar-agent program
  GROUP   commands, servers, doctor, or service
Prints one JSON object: what happened in each case, by the case's name.
"""
import base64, concurrent.futures, glob, hashlib, json, os, re, signal, socket, ssl, subprocess, sys, tempfile, threading, time

from processes import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
KEY, SECRET, WRONG = "devkey", "secretsecretsecretsecretsecretsecret", "wrongwrongwrongwrongwrongwrongwrong!"
AGENT = sys.argv[1]
WORK = tempfile.mkdtemp(prefix="avatar-wrong-")
PATIENCE = 25


def lose(server, port):
    """Ends a room server as soon as somebody has joined and negotiated there."""
    trace = os.path.join(WORK, f"trace-{port}", "signal.jsonl")
    until(lambda: os.path.exists(trace) and "answer" in open(trace).read(), 15)
    server.kill()


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LIVEKIT_", "AVATAR_KEY"))}
    return clean | dict(LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET) | more


def until(condition, seconds):
    """Polls; tells whether the condition came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def leaks(text):
    return SECRET in text or WRONG in text or "eyJ" in text


def run(*words, interrupts=False, kills=None, **env):
    """Runs the program to its end; asks it to end when its helper is there, if that is wanted."""
    begin = time.monotonic()
    process = subprocess.Popen([AGENT, *words], env=environment(**env), cwd=WORK, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if interrupts:
            until(lambda: voices(process.pid), 10)
            begin = time.monotonic()
            process.terminate()
        if kills:
            kills()
        out, err = process.communicate(timeout=PATIENCE)
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        code = "killed"
    lines = err.splitlines()
    return dict(exit=code, error=[l for l in lines if l.startswith("avatar-agent")], lines=len(lines), all=err[-1500:], out=out[-1500:],
                leaks=leaks(out + err), seconds=time.monotonic() - begin)


def voices(parent):
    """The helper processes of an agent."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            name, rest = re.match(r"\d+ \((.*)\) (.*)", open(path).read()).groups()
        except (OSError, AttributeError):
            continue
        if rest.split()[1] == str(parent) and name.startswith("avatar-voice"):
            found.append(int(path.split("/")[2]))
    return found


def yaml(name, text):
    with open(os.path.join(WORK, name), "w") as f:
        f.write(text)
    return name


def commands():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        yaml("key.yaml", "# a comment\nlivekit:\n  url: ws://127.0.0.1:7880\n  api_sekret: " + SECRET + "\n")
        yaml("type.yaml", "http:\n  port: many\n")
        yaml("empty.yaml", "http:\n  bearer_keys:\n    - ok\n    - ''\n")
        yaml("broken.yaml", "http:\n  port: [1\n")
        cases = {
            "nothing": [], "command": ["strat"], "option": ["start", "--prot", "1"], "value": ["start", "--port"],
            "number": ["start", "--port", "70000"], "word": ["start", "now"], "room": ["connect", "--say", "x"],
            "voice": ["connect", "--room", "r", "--say", "x", "--voice", "nobody"],
            "key": ["start", "--config", "key.yaml"], "type": ["start", "--config", "type.yaml"],
            "broken": ["start", "--config", "broken.yaml"], "file": ["start", "--config", "none.yaml"],
            "empty": ["start", "--config", "empty.yaml", "--port", port], "taken": ["start", "--port", port], "open": ["start", "--address", "0.0.0.0", "--port", "0"],
        }
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = {name: pool.submit(run, *words) for name, words in cases.items()}
            result = {name: r.result() for name, r in runs.items()}
        result["url"] = run("start", "--port", port, LIVEKIT_URL="127.0.0.1:7880")
        yaml("public.yaml", "livekit:\n  public_url: example.com\n")
        result["public"] = run("start", "--port", port, "--config", "public.yaml")
        yaml("proxies.yaml", "http:\n  trusted_proxies:\n    - 10.0.0.0/8\n    - proxy.example\n")
        result["proxies"] = run("start", "--port", port, "--config", "proxies.yaml")
        yaml("voice.yaml", "voice:\n  id: nonsense\n")
        yaml("ca.yaml", "livekit:\n  url: ws://127.0.0.1:7880\n  ca_file: /none.pem\n")
        result["nonsense"] = run("start", "--port", "0", "--operator-port", "0", "--config", "voice.yaml")
        result["ca"] = run("start", "--port", "0", "--operator-port", "0", "--config", "ca.yaml")
        result["operator"] = run("start", "--port", "0", "--operator-port", port)
        return result


# Servers that are none.

def serve(answer, context=None):
    """A TCP server on a free port that gives each connection to a function of its own thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection):
        try:
            with (context.wrap_socket(connection, server_side=True) if context else connection) as c:
                c.settimeout(PATIENCE)
                answer(c)
        except OSError:
            pass

    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        if not piece:
            break
        head += piece
    return head


def silent(connection):
    while connection.recv(4096):
        pass


def garbage(connection):
    read_head(connection)
    connection.sendall(b"\x00\xff\x16\x03 SSH-2.0-nothing\r\n\xfe\r\n\r\n" * 4)


def upgrade(connection):
    name = re.search(rb"(?i)sec-websocket-key: *(\S+)", read_head(connection))[1]
    accept = base64.b64encode(hashlib.sha1(name + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")


def garbage_messages(connection):
    upgrade(connection)
    for number in range(8):
        connection.sendall(b"\x82\x20" + hashlib.sha256(bytes([number])).digest())
    silent(connection)


def garbage_frames(connection):
    upgrade(connection)
    connection.sendall(b"\xff" * 64)
    silent(connection)


def mute(connection):
    upgrade(connection)
    silent(connection)


def self_signed():
    pem = os.path.join(WORK, "self.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", pem, "-out", pem + ".crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem + ".crt", pem)
    return context


def room_server(port):
    return subprocess.Popen([sys.executable, os.path.join(HERE, "reference_sfu.py"), "--port", str(port), "--keys", f"{KEY}:{SECRET}", "--trace", os.path.join(WORK, f"trace-{port}")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def end(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def servers():
    rtc = free_port()
    sfu = room_server(rtc)
    try:
        if not until(lambda: answers(rtc), 20):
            raise SystemExit("the room server did not start")
        ws = lambda port: dict(LIVEKIT_URL=f"ws://127.0.0.1:{port}")
        cases = {
            "silent": ws(serve(silent)), "mute": ws(serve(mute)), "nobody": ws(free_port()), "scheme": dict(LIVEKIT_URL="127.0.0.1:7880"),
            "other": dict(LIVEKIT_URL="ftp://127.0.0.1:7880"), "name": dict(LIVEKIT_URL="ws://no-such-host.invalid"),
            "secret": dict(ws(rtc), LIVEKIT_API_SECRET=WRONG), "unknown": dict(ws(rtc), LIVEKIT_API_KEY="nokey"), "garbage": ws(serve(garbage)),
            "messages": ws(serve(garbage_messages)), "frames": ws(serve(garbage_frames)), "tls": dict(LIVEKIT_URL=f"wss://localhost:{serve(silent, self_signed())}"),
            "interrupted": ws(serve(mute)), "plain": dict(LIVEKIT_URL=f"wss://127.0.0.1:{rtc}"),
        }

        def one(env, name):
            return run("connect", "--room", "r", "--say", "x", interrupts=name == "interrupted", **env)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            runs = {name: pool.submit(one, env, name) for name, env in cases.items()}
            return {name: r.result() for name, r in runs.items()}
    finally:
        if sfu:
            sfu.kill()


def doctor():
    rtc, port = free_port(), str(free_port())
    sfu = room_server(rtc)
    try:
        if not until(lambda: answers(rtc), 20):
            raise SystemExit("the room server did not start")
        ws = lambda to: dict(LIVEKIT_URL=f"ws://127.0.0.1:{to}")
        cases = {
            "well": ws(rtc), "nobody": ws(free_port()), "secret": dict(ws(rtc), LIVEKIT_API_SECRET=WRONG), "garbage": ws(serve(garbage)),
            "name": dict(LIVEKIT_URL="ws://no-such-host.invalid"), "tls": dict(LIVEKIT_URL=f"wss://localhost:{serve(silent, self_signed())}"),
            "plain": dict(LIVEKIT_URL=f"wss://127.0.0.1:{rtc}"), "scheme": dict(LIVEKIT_URL="127.0.0.1:7880"),
        }
        runs = {name: run("doctor", "--port", port, **env) for name, env in cases.items()}
        runs["taken"] = run("doctor", "--port", str(rtc), **ws(rtc))
        return runs
    finally:
        sfu.kill()


# The running service.

class Service:
    """`avatar-agent start` on a free port."""

    def __init__(self, rtc):
        self.port = free_port()
        self.log = open(os.path.join(WORK, f"agent-{self.port}.log"), "w+")
        self.process = subprocess.Popen([AGENT, "start", "--port", str(self.port)], stderr=self.log, cwd=WORK,
                                        env=environment(LIVEKIT_URL=f"ws://127.0.0.1:{rtc}"))
        if not until(lambda: self.process.poll() is not None or answers(self.port), 20) or self.process.poll() is not None:
            raise SystemExit(f"the service did not start: {self.text()}")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def raw(self, head, body=b""):
        """Sends a request's bytes as they are."""
        with socket.create_connection(("127.0.0.1", self.port), 15) as s:
            s.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
            answer = read_head(s)
            head, _, rest = answer.partition(b"\r\n\r\n")
            fields = {k.lower(): v for k, v in (l.split(": ", 1) for l in head.decode().split("\r\n")[1:])}
            while len(rest) < int(fields.get("content-length", 0)):
                piece = s.recv(65536)
                if not piece:
                    break
                rest += piece
        try:
            value = json.loads(rest)
        except ValueError:
            value = {}
        return dict(status=int(head.split()[1]), code=value.get("error", {}).get("code", ""), message=value.get("error", {}).get("message", ""),
                    allow=fields.get("allow", ""), value=value)

    def call(self, method, path, body=b"", host=None, fields=""):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.raw(f"{method} {path} HTTP/1.1\nHost: {host or f'127.0.0.1:{self.port}'}\nContent-Length: {len(body)}{fields}", body)


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


def service():
    rtc, lone_rtc = free_port(), free_port()
    agent, lone, sfu = Service(rtc), room_server(lone_rtc), None
    result = {}
    try:
        result["down"] = agent.call("POST", "/session-live")
        result["health"] = agent.call("GET", "/health")
        sfu = room_server(rtc)
        if not until(lambda: answers(rtc), 20):
            raise SystemExit("the room server did not start")
        made = agent.call("POST", "/session-live")
        session = made["value"].get("session_id", "")
        speak = f"/session-live/{session}/speak"
        host = f"Host: 127.0.0.1:{agent.port}"
        result.update({
            "made": made,
            "path": agent.call("GET", "/nothing"),
            "session": agent.call("POST", "/session-live/nobody.xyz/speak", dict(text="x")),
            "method": agent.call("GET", "/session-live"),
            "put": agent.call("PUT", speak, dict(text="x")),
            "chunks": agent.raw(f"POST {speak} HTTP/1.1\n{host}\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
            "large": agent.raw(f"POST {speak} HTTP/1.1\n{host}\nContent-Length: 99999999"),
            "negative": agent.raw(f"POST {speak} HTTP/1.1\n{host}\nContent-Length: -1"),
            "json": agent.call("POST", speak, b'{"text":'),
            "utf8": agent.call("POST", speak, b'{"text":"\xff\xfe"}'),
            "array": agent.call("POST", speak, b"[]"),
            "deep": agent.call("POST", speak, b"[" * 5000),
            "blank": agent.call("POST", speak, dict(text="  ")),
            "missing": agent.call("POST", speak, {}),
            "long": agent.call("POST", speak, dict(text="a" * 5001)),
            "number": agent.call("POST", speak, dict(text=5)),
            "voice": agent.call("POST", speak, dict(text="x", voice_id="nobody")),
            "lead": agent.call("POST", "/session-live", dict(lead_ms=1e300)),
            "host": agent.call("GET", "/voices", host="evil.example"),
            "origin": agent.call("POST", speak, dict(text="x"), fields="\nOrigin: https://evil.example"),
            "no_host": agent.raw("GET /voices HTTP/1.1"),
            "not_http": agent.raw("\x01\x02 nonsense"),
            "deleted": agent.call("DELETE", f"/session-live/{session}"),
        })
        until(lambda: agent.call("GET", f"/session-live/{session}")["value"].get("state") == "ended", 5)
        result["gone"] = agent.call("POST", speak, dict(text="x"))
        # The program in a room whose server goes away.
        if not until(lambda: answers(lone_rtc), 20):
            raise SystemExit("the second room server did not start")
        result["lost"] = run("connect", "--room", "r", "--stay", "--log-level", "info", LIVEKIT_URL=f"ws://127.0.0.1:{lone_rtc}", kills=lambda: lose(lone, lone_rtc))
        result["again"] = agent.call("POST", "/session-live")
        again = result["again"]["value"].get("session_id", "")
        result["speaks"] = agent.call("POST", f"/session-live/{again}/speak", dict(text="Hello."))
        for kind, number in (("term", signal.SIGTERM), ("kill", signal.SIGKILL)):
            one = agent if kind == "term" else Service(rtc)
            until(lambda: voices(one.process.pid), 5)
            helpers, begin = voices(one.process.pid), time.monotonic()
            one.process.send_signal(number)
            try:
                code = one.process.wait(10)
            except subprocess.TimeoutExpired:
                one.process.kill()
                code = "killed"
            seconds = time.monotonic() - begin
            gone = until(lambda: not any(map(alive, helpers)), 2)
            text = one.text()
            result[kind] = dict(exit=code, seconds=seconds, voices=len(helpers), gone=gone, leaks=leaks(text), log=text[-1500:])
        for answer in result.values():
            answer.pop("value", None)
        return result
    finally:
        end(agent.process)
        for server in filter(None, (sfu, lone)):
            server.kill()


print(json.dumps({"commands": commands, "servers": servers, "doctor": doctor, "service": service}[sys.argv[2]]()))
