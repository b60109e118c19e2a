# SPDX-License-Identifier: Apache-2.0
"""Frames of LiveKit's signalling and data packets with every field set, made by the official
protobuf classes: one for each member of each oneof, filled and with optional fields at zero.

Prints one line for each: kind (request, response, packet), member, base64.
"""
import base64

from google.protobuf.descriptor import FieldDescriptor as F
from livekit.protocol import models, rtc


def scalar(field, zero):
    if field.type == F.TYPE_STRING:
        return "" if zero else "té-" + field.name
    if field.type == F.TYPE_BYTES:
        return b"" if zero else b"\x00\xff" + field.name.encode()
    if field.type == F.TYPE_BOOL:
        return not zero
    if field.type == F.TYPE_ENUM:
        return 0 if zero else field.enum_type.values[-1].number
    if field.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return 0.0 if zero else 0.625
    if field.type == F.TYPE_INT64:
        return 0 if zero else -(1 << 62) - field.number
    if field.type == F.TYPE_INT32:
        return 0 if zero else -(1 << 30) - field.number
    if field.type == F.TYPE_UINT64:
        return 0 if zero else (1 << 63) + field.number
    return 0 if zero else (1 << 31) + field.number


def is_repeated(field):
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == 3


def fill(message, choice, zero, depth=0):
    """Sets every field; of each oneof the member number `choice`."""
    for field in message.DESCRIPTOR.fields:
        real = (field.containing_oneof is not None
                and not field.containing_oneof.name.startswith("_"))
        if real:
            members = field.containing_oneof.fields
            if members[choice % len(members)] is not field:
                continue
        optional = field.containing_oneof is not None
        repeated = is_repeated(field)
        if field.message_type and field.message_type.GetOptions().map_entry:
            kind = field.message_type.fields_by_name["value"]
            if kind.message_type:
                fill(getattr(message, field.name)[7], choice, zero, depth + 1)
            else:
                getattr(message, field.name)["ключ"] = "" if zero else "value"
        elif field.message_type:
            targets = ([getattr(message, field.name).add() for _ in range(2)] if repeated
                       else [getattr(message, field.name)])
            for target in targets:
                target.SetInParent()
                if depth < 8:
                    fill(target, choice, zero, depth + 1)
        elif repeated:
            getattr(message, field.name).extend([scalar(field, False), scalar(field, zero)])
        elif not zero or optional:
            setattr(message, field.name, scalar(field, zero))


def variants(message_class, kind, oneof):
    for member in message_class.DESCRIPTOR.oneofs_by_name[oneof].fields:
        for choice in range(11):
            # A mishap that is false asks for nothing, and is read so.
            for zero in (False, True) if member.name != "simulate" else (False,):
                message = message_class()
                for field in message.DESCRIPTOR.fields:
                    if field.containing_oneof is None and not zero:
                        if field.message_type is None:
                            value = scalar(field, zero)
                            if is_repeated(field):
                                getattr(message, field.name).append(value)
                            else:
                                setattr(message, field.name, value)
                if member.message_type:
                    target = getattr(message, member.name)
                    target.SetInParent()
                    fill(target, choice, zero)
                else:
                    setattr(message, member.name, scalar(member, zero))
                text = base64.b64encode(message.SerializeToString(deterministic=True)).decode()
                yield f"{kind} {member.name} {text}"


lines = list(variants(rtc.SignalRequest, "request", "message"))
lines += variants(rtc.SignalResponse, "response", "message")
lines += variants(models.DataPacket, "packet", "value")
print("\n".join(dict.fromkeys(lines)))
