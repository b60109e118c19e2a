"""Runs scenarios of room_scenarios.py against two room servers and prints what clients saw.

usage: conformance.py AGENT SERVERS [sdk:FOLDER] SCENARIO…
  AGENT    the avatar-agent program, whose room-server is compared
  SERVERS  own, reference, or both with a comma
  FOLDER   where an older SDK is installed, which knows two connections alone
Prints {"own": {"v0": {SCENARIO: …}, "v1": …}, "reference": …, "exit": status of the own server after SIGTERM}.
"""
import json, os, subprocess, sys, tempfile

from processes import end, free_port, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"


def main():
    agent, wanted, scenarios = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    sdk = scenarios.pop(0)[4:] if scenarios[0].startswith("sdk:") else None
    clients = dict(os.environ, PYTHONPATH=sdk) if sdk else None
    work = tempfile.mkdtemp(prefix="avatar-conformance-")
    ports = {name: free_port() for name in wanted}
    env = dict(os.environ, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)
    log = open(os.path.join(work, "server.log"), "w+")
    programs = {
        "own": lambda port: [agent, "room-server", "--room-port", port],
        "reference": lambda port: [sys.executable, os.path.join(HERE, "reference_sfu.py"), "--port", port, "--keys", f"{KEY}:{SECRET}", "--trace", work + "/trace"],
    }
    servers = {name: subprocess.Popen(programs[name](str(ports[name])), stdout=subprocess.DEVNULL, stderr=log, env=env, cwd=work) for name in wanted}
    runs = {}
    try:
        for name, server in servers.items():
            wait_for(f"http://127.0.0.1:{ports[name]}/", server, seconds=60, attempt=5)
        result = {}
        # Clients wait more than they work: all at once.
        runs = {
            (name, version): subprocess.Popen([sys.executable, os.path.join(HERE, "room_scenarios.py"), f"ws://127.0.0.1:{ports[name]}", version, *scenarios],
                                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clients)
            for name in servers for version in (("v0",) if sdk else ("v0", "v1"))}
        for (name, version), run in runs.items():
            out, err = run.communicate(timeout=170)
            if run.returncode:
                log.seek(0)
                raise SystemExit(f"server:\n{log.read()[-2000:]}\n{name} {version}: {err[-1500:]}")
            result.setdefault(name, {})[version] = json.loads(out.strip().splitlines()[-1])
        result["exit"] = end(servers["own"], 20)
        print(json.dumps(result))
    finally:
        for run in runs.values():
            end(run, 5)
        for server in servers.values():
            end(server, 20)


main()
