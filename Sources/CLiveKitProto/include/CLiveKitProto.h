// SPDX-License-Identifier: Apache-2.0
// LiveKit's messages as protoc-c makes them from Protos. Only Sources/LiveKit/Wire imports this.
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "livekit_models.pb-c.h"
#include "livekit_room.pb-c.h"
#include "livekit_rtc.pb-c.h"
