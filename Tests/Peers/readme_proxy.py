# SPDX-License-Identifier: Apache-2.0
"""Puts Debian's nginx with the configuration of README.md in front of `avatar-agent start` with the
agent.yaml of README.md, and calls through it.

The room server is the program's own. Callers are told apart by their loopback addresses, of which there
are many: nginx's own, 127.0.0.1, is the trusted proxy.

usage: readme_proxy.py README AGENT        AGENT: the avatar-agent program
Prints one JSON object; {"skipped": …} where there is no nginx.
"""
import http.client, json, os, re, shutil, socket, ssl, subprocess, sys, tempfile, time

from processes import end, free_port, wait_for
from readme_blocks import one

README, AGENT = (os.path.abspath(path) for path in sys.argv[1:])
KEY = "a-key-of-the-operator"


def main():
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not nginx:
        print(json.dumps({"skipped": "there is no nginx"}))
        return
    work = tempfile.mkdtemp(prefix="avatar-proxy-")
    rooms, service, front = free_port(), free_port(), free_port()
    # What is the reader's own on the page, and fewer requests than a test wants to make.
    site = one(README, "nginx").text.replace("listen 443", f"listen 127.0.0.1:{front}").replace(":8080", f":{service}")
    for name, path in re.findall(r"(ssl_certificate\w*) (\S+);", site):
        site = site.replace(path, f"{work}/{name}.pem")
    settings = one(README, "yaml agent.yaml").text
    settings = re.sub(r"requests_per_minute: \d+", "requests_per_minute: 12", settings)
    write(f"{work}/agent.yaml", settings)
    write(f"{work}/nginx.conf", "pid %s/nginx.pid;\nerror_log stderr;\ndaemon off;\nuser root;\nevents {}\nhttp {\naccess_log off;\n%s\n%s}\n" % (
        work, "\n".join(f"{kind}_temp_path {work}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]), site))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=avatar.example.com", "-addext", "subjectAltName=DNS:avatar.example.com",
                    "-keyout", f"{work}/ssl_certificate_key.pem", "-out", f"{work}/ssl_certificate.pem"], check=True, capture_output=True)
    subprocess.run([nginx, "-t", "-p", work, "-c", f"{work}/nginx.conf"], check=True, stderr=subprocess.DEVNULL)

    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_")}
    environment.update(LIVEKIT_URL=f"ws://127.0.0.1:{rooms}", AVATAR_KEY=KEY)
    log = open(f"{work}/agent.log", "w+")
    running = []

    def start(*words, **options):
        running.append(subprocess.Popen(words, cwd=work, env=environment, **options))
        return running[-1]

    def call(method, path, body=None, source="127.0.0.9", key=KEY, **fields):
        """Through the proxy, from a loopback address."""
        trust = ssl.create_default_context(cafile=f"{work}/ssl_certificate.pem")
        wire = socket.create_connection(("127.0.0.1", front), 60, (source, 0))
        connection = http.client.HTTPConnection("avatar.example.com")
        connection.sock = trust.wrap_socket(wire, server_hostname="avatar.example.com")
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        connection.request(method, path, body, headers, encode_chunked=hasattr(body, "__next__"))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, dict(answer.headers), json.loads(text) if text.startswith((b"{", b"[")) else None

    try:
        server = start(AGENT, "room-server", "--room-port", str(rooms), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(f"http://127.0.0.1:{rooms}/", server, seconds=60, attempt=5)
        agent = start(AGENT, "start", "--port", str(service), "--operator-port", str(free_port()), "--log-level", "debug", stderr=log)
        wait_for(f"http://127.0.0.1:{service}/health", agent, seconds=60, attempt=5)
        proxy = start(nginx, "-p", work, "-c", f"{work}/nginx.conf", stderr=subprocess.DEVNULL)
        until_open(proxy, front)

        status, _, session = call("POST", "/session-live", b"{}")
        result = {"opened": status, "url": session["webrtc"]["url"]}
        spoken = f"/session-live/{session['session_id']}/speak"
        result["spoken"] = call("POST", spoken, b'{"text":"Through the proxy."}')[0]
        # A body without a length, in pieces; and the longest text that is taken.
        pieces = iter([b'{"text":', b'"In pieces."', b"}"])
        result["pieces"] = call("POST", spoken, pieces, Transfer_Encoding="chunked")[0]
        result["longest"] = call("POST", spoken, json.dumps({"text": "\u00e4" * 5000}).encode())[0]
        result["too_long"] = call("POST", spoken, b" " * 300_000)[0]
        result["without_key"] = call("POST", "/session-live", b"{}", key=None)[0]

        # Too often, with an invented address in each request: it is the real one that counts.
        tries = [call("GET", "/voices", source="127.0.0.7", X_Forwarded_For=f"203.0.113.{number}") for number in range(15)]
        result["answered"] = sum(status == 200 for status, *_ in tries)
        refused = [(status, answer["error"]["code"], int(fields["Retry-After"]) > 0) for status, fields, answer in tries if status != 200]
        result["refused"] = sorted(set(refused))
        # Neither another caller nor whose address was invented pays for it.
        result["another"] = call("GET", "/voices", source="127.0.0.8", X_Forwarded_For="127.0.0.7")[0]
        # Without a key the service is not open behind a proxy either.
        result["ended"] = end(agent, 30)
        del environment["AVATAR_KEY"]
        agent = start(AGENT, "start", "--port", str(service), "--operator-port", str(free_port()), stderr=subprocess.DEVNULL)
        wait_for(f"http://127.0.0.1:{service}/health", agent, seconds=60, attempt=5)
        result["open"] = call("POST", "/session-live", b"{}", key=None)[0]
        log.seek(0)
        lines = [line for line in log.read().splitlines() if "/voices" in line]
        result["logged"] = sorted({address for line in lines for address in re.findall(r"client=(\S+)", line)})
        print(json.dumps(result))
    finally:
        for process in reversed(running):
            end(process, 10)
        shutil.rmtree(work)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def until_open(process, port):
    """Until nginx takes connections."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise SystemExit(f"nginx ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("nginx takes no connections")


main()
