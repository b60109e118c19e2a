# SPDX-License-Identifier: Apache-2.0
"""The operator of a running agent: reads its figures before and after a session, as Prometheus would.

Reads the plan of with_agent.py on stdin ("operator": the operator's port); prints one JSON object.
"""
import json
import sys
import urllib.error
import urllib.request

plan = json.load(sys.stdin)
base = f"http://127.0.0.1:{plan['operator']}"


def get(url, **fields):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=fields), timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as failure:
        return failure.code, failure.headers["Content-Type"], failure.read().decode()


def figures():
    """Every series by its name and labels."""
    status, kind, text = get(base + "/metrics")
    assert status == 200, status
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return kind, {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


kind, before = figures()
request = urllib.request.Request(plan["http"] + "/session-live", method="POST", data=b"{}")
session = json.load(urllib.request.urlopen(request, timeout=30))
get(plan["http"] + "/voices", **{"X-Forwarded-For": "203.0.113.9"})
_, during = figures()
print(json.dumps({
    "kind": kind, "before": before, "during": during,
    "ready": get(base + "/ready")[0], "health": get(base + "/health")[0], "other": get(base + "/voices")[0],
    "metrics_of_service": get(plan["http"] + "/metrics")[0], "session": session["session_id"],
}))
