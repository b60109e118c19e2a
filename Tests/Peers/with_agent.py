"""Starts a room server and avatar-agent on free loopback ports, runs a client program against them, ends both.

usage: with_agent.py AGENT CLIENT [option…] < plan.json
  AGENT   the avatar-agent program
  CLIENT  a program beside this one; it gets the plan with "http", "livekit", "key", "secret" added
  options: env:NAME=VALUE for the agent, client:NAME=VALUE for the client, agent:OPTION for its command line;
    server:own takes the agent's own room server instead of the reference in Python;
    file:NAME=TEXT is put into the agent's folder;
    operator gives the agent an operator's port (plan: "operator");
    stun has the reference server name a STUN server on a free port (plan: "stun")
Prints the client's JSON with "agent_exit" (its status after SIGTERM) and "agent_log" (its last lines) added.
"""
import json, os, subprocess, sys, tempfile

from processes import end, free_port, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"


def main():
    agent, client, options = sys.argv[1], sys.argv[2], sys.argv[3:]
    plan = json.load(sys.stdin)
    rtc, http = free_port(), free_port()
    work = tempfile.mkdtemp(prefix="avatar-test-")
    env = dict(os.environ, LIVEKIT_URL=f"ws://127.0.0.1:{rtc}", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)
    env.update(o[4:].split("=", 1) for o in options if o.startswith("env:"))
    words = [o[6:] for o in options if o.startswith("agent:")]
    for name, text in (o[5:].split("=", 1) for o in options if o.startswith("file:")):
        with open(os.path.join(work, name), "w") as file:
            file.write(text)
    log = open(os.path.join(work, "agent.log"), "w+")
    reference = [sys.executable, os.path.join(HERE, "reference_sfu.py"), "--port", str(rtc), "--keys", f"{KEY}:{SECRET}", "--trace", os.path.join(work, "trace")]
    if "stun" in options:
        plan["stun"] = free_port()
        names = [{"urls": ["stun:no-such-host.invalid", f"stun:localhost:{plan['stun']}", "turn:localhost:1"]}]
        reference += ["--ice-servers", json.dumps(names)]
    if "operator" in options:
        plan["operator"] = free_port()
        words += ["--operator-port", str(plan["operator"])]
    own = [agent, "room-server", "--room-port", str(rtc)]
    server_log = open(os.path.join(work, "server.log"), "w+")
    sfu = subprocess.Popen(own if "server:own" in options else reference, stdout=subprocess.DEVNULL, stderr=server_log, env=env, cwd=work)
    process = None
    # Where the reference server writes down what was signalled.
    plan["trace"] = os.path.join(work, "trace", "signal.jsonl")
    try:
        wait_for(f"http://127.0.0.1:{rtc}/", sfu, seconds=20, attempt=1)
        process = subprocess.Popen([agent, "start", "--port", str(http), "--log-format", "json", *words], stderr=log, env=env, cwd=work)
        wait_for(f"http://127.0.0.1:{http}/health", process, seconds=20, attempt=1)
        plan.update(http=f"http://127.0.0.1:{http}", livekit=env["LIVEKIT_URL"], key=KEY, secret=SECRET, agent_pid=process.pid, sfu=f"http://127.0.0.1:{rtc}")
        variables = dict(os.environ, **dict(o[7:].split("=", 1) for o in options if o.startswith("client:")))
        run = subprocess.run([sys.executable, os.path.join(HERE, client)], input=json.dumps(plan), text=True, capture_output=True, timeout=150, env=variables)
        if run.returncode:
            log.seek(0)
            raise SystemExit(f"{client} failed: {run.stderr[-3000:]}\n{run.stdout[-2000:]}\nagent:\n{log.read()[-3000:]}")
        result = json.loads(run.stdout.strip().splitlines()[-1])
        result["agent_exit"] = end(process, 10)
        log.seek(0)
        result["agent_log"] = log.read().splitlines()[-40:]
        print(json.dumps(result))
    finally:
        if process:
            end(process, 10)
        end(sfu, 10)


main()
