"""avatar-agent on a machine without a network: a network namespace in which only loopback is up.

usage: loopback_only.py AGENT BENCH       AGENT: the avatar-agent program; BENCH: avatar-bench beside it
Needs root or unprivileged namespaces. Prints one JSON object: {"skipped": reason} where the kernel refuses.
"""
import json, os, socket, subprocess, sys, tempfile, urllib.request

HTTP, ROOMS = 8080, 7880


def enter():
    """This program again, inside; or why not."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    try:
        probe = subprocess.run(unshare + ["ip", "link", "set", "lo", "up"], capture_output=True, text=True, timeout=30)
    except FileNotFoundError as error:
        return str(error)
    if probe.returncode:
        return probe.stderr.strip() or f"unshare ended with {probe.returncode}"
    os.execvp(unshare[0], [*unshare, sys.executable, __file__, "inside", *sys.argv[1:]])


def answers(host, port, path):
    with urllib.request.urlopen(f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}", timeout=30) as answer:
        return answer.read(100).decode()


def inside(agent, bench):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=30)
    work = tempfile.mkdtemp(prefix="avatar-loopback-")
    env = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k != "AVATAR_KEY"}
    # Nobody else is here: the ports of the documentation are free.
    demo = subprocess.Popen([agent, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=work, text=True)
    result = {"interfaces": sorted(name for _, name in socket.if_nameindex())}
    try:
        while "Ctrl-C" not in (line := demo.stdout.readline()):
            if not line:
                raise SystemExit("the demo ended: " + demo.stderr.read()[-2000:])
        result["rooms"] = [answers(host, ROOMS, "/") for host in ("127.0.0.1", "::1")]
        result["http"] = [json.loads(answers(host, HTTP, "/health"))["status"] for host in ("127.0.0.1", "::1")]
        result["doctor"] = {}
        for host in ("127.0.0.1", "[::1]"):
            # It speaks and listens in a room of the demo's server.
            run = subprocess.run([agent, "doctor", "--port", "0"], env=dict(env, LIVEKIT_URL=f"ws://{host}:{ROOMS}"), cwd=work, capture_output=True, text=True, timeout=90)
            result["doctor"][host] = [run.returncode, run.stdout.splitlines()]
        demo.terminate()
        result["exit"] = demo.wait(30)
    finally:
        if demo.poll() is None:
            demo.kill()
    # An avatar's session and a listener of ours: it fails where nothing is heard.
    run = subprocess.run([bench, "sessions", "--sessions", "1", "--seconds", "2", "--agent", agent], env=env, cwd=work, capture_output=True, text=True, timeout=120)
    result["session"] = [run.returncode, (run.stdout + run.stderr).splitlines()]
    print(json.dumps(result))


if sys.argv[1] == "inside":
    inside(*sys.argv[2:])
else:
    print(json.dumps({"skipped": enter()}))
