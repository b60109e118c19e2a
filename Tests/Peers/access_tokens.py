# SPDX-License-Identifier: Apache-2.0
"""Access tokens as livekit-api and PyJWT see them.

  access_tokens.py mint      prints JSON: tokens by name, each minted by livekit-api or PyJWT
  access_tokens.py verify    reads tokens, one a line; prints their claims, or the refusal, as JSON
"""
import datetime
import json
import sys
import time

import jwt
from livekit import api
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

KEY, SECRET = "devkey", "a-secret-of-more-than-32-characters-ü"


def full():
    config = RoomConfiguration(
        name="preset-less", empty_timeout=120, departure_timeout=60, max_participants=7,
        metadata="room metadata", sync_streams=True, min_playout_delay=100,
        agents=[RoomAgentDispatch(agent_name="avatar", metadata='{"voice":"slt"}'),
                RoomAgentDispatch(agent_name="")])
    grants = api.VideoGrants(
        room_create=True, room_list=True, room_record=True, room_admin=True, room_join=True,
        room="röom 1", destination_room="room 2", can_publish=False, can_subscribe=True,
        can_publish_data=False, can_publish_sources=["camera", "microphone"],
        can_update_own_metadata=True, ingress_admin=True, hidden=True, recorder=True, agent=True,
        can_subscribe_metrics=True, can_manage_agent_session=False)
    return (api.AccessToken(KEY, SECRET).with_identity("agent-\U0001F600").with_name("Añ \"b\" \\")
            .with_kind("agent").with_metadata('{"a":[1,2]}')
            .with_attributes({"lk.agent.state": "listening", "z": "", "a": "é"})
            .with_sha256("c2hh").with_room_preset("big").with_room_config(config)
            .with_sip_grants(api.SIPGrants(admin=True, call=True))
            .with_grants(grants).with_ttl(datetime.timedelta(hours=2)).to_jwt())


def mint():
    now = int(time.time())
    plain = (api.AccessToken(KEY, SECRET).with_identity("user")
             .with_grants(api.VideoGrants(room_join=True, room="r1")))

    def signed(claims, alg="HS256", secret=SECRET, headers=None):
        base = {"iss": KEY, "sub": "user", "nbf": now - 10, "exp": now + 600}
        base.update(claims)
        base = {k: v for k, v in base.items() if v is not ...}
        return jwt.encode(base, secret, algorithm=alg, headers=headers)

    return {
        "now": now, "full": full(), "plain": plain.to_jwt(),
        "hs512": signed({}, "HS512"), "hs384": signed({}, "HS384"),
        "none": signed({}, "none", None), "wrong_key": signed({}, secret=SECRET + "x"),
        "unknown_key": signed({"iss": "other"}), "no_issuer": signed({"iss": ...}),
        "expired": signed({"exp": now - 120}), "just_expired": signed({"exp": now - 30}),
        "early": signed({"nbf": now + 120}), "barely_early": signed({"nbf": now + 30}),
        "no_exp": signed({"exp": ...}), "crit": signed({}, headers={"crit": ["exp"]}),
        "name_is_number": signed({"name": 5}), "video_is_list": signed({"video": [1]}),
        "join_is_text": signed({"video": {"roomJoin": "true"}}),
        "jti_only": signed({"sub": ..., "jti": "by-jti"}),
        "snake_config": signed({"roomConfig": {
            "empty_timeout": "5", "agents": [{"agent_name": "x", "restart_policy": "JRP_NEVER"}]}}),
        "fractional": signed({"nbf": now - 10.5, "exp": now + 600.5}),
        "kind_unknown": signed({"kind": "robot"}),
        "deep": signed({"metadata": "m", "x": json.loads("[" * 40 + "]" * 40)}),
    }


def verify(token):
    try:
        claims = api.TokenVerifier(KEY, SECRET).verify(token)
        raw = jwt.decode(token, SECRET, algorithms=["HS256"], issuer=KEY, leeway=60)
        return {"identity": claims.identity, "name": claims.name, "claims": raw,
                "header": jwt.get_unverified_header(token)}
    except Exception as error:
        return {"error": type(error).__name__}


if sys.argv[1] == "mint":
    print(json.dumps(mint()))
else:
    print(json.dumps([verify(line.strip()) for line in sys.stdin if line.strip()]))
