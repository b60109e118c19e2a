# SPDX-License-Identifier: Apache-2.0
"""A hand-written subscriber that finds the clicks in what it receives and decodes.

usage: click_listener.py URL TOKEN UTTERANCES
Listens until so many utterances have ended and their sound is there. Prints one JSON object:
  clicks    media times at which a click is heard, ms: found in the decoded sound alone
  messages  [topic, message] in the order in which they came
or, where an utterance failed, "errors" with the codes.
"""
import asyncio, json, sys
import numpy as np
from rtp_subscriber import Subscriber, int32, sound, until


def clicks(pcm, first):
    """The centres of all bursts, by correlation with the one that the voice plays."""
    n = np.arange(-48, 49)
    burst = np.cos(np.pi * n / 97) ** 2 * np.cos(2 * np.pi * 4000 * n / 48000)
    match = np.correlate(pcm, burst, "same")
    found, loud = [], 0.5 * match.max()
    for at in np.flatnonzero(match > loud):
        if found and at - found[-1] < 4800:
            found[-1] = at if match[at] > match[found[-1]] else found[-1]
        else:
            found.append(at)
    return [(int(at) + first) / 48 for at in found]


async def main():
    url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    listener = Subscriber()
    await listener.join(url, token)
    await until(lambda: len(listener.speech("end") + listener.speech("error")) == count, 60, "the speech did not end")
    errors = [m["code"] for m in listener.speech("error")]
    if errors:
        print(json.dumps({"errors": errors}))
        return await listener.leave()
    stamp = listener.last()
    await until(lambda: int32(listener.last() - stamp) > 48 * 1000, 5, "the sound stopped")
    (stream,) = listener.streams.values()
    pcm, first = sound(stream, listener.rtp0)
    end = next(m["t_ms"] for m in listener.speech("end", 1))
    heard = pcm[: int(end * 48) - first]
    print(json.dumps({"clicks": clicks(heard, first), "messages": listener.messages}))
    await listener.leave()


asyncio.run(main())
