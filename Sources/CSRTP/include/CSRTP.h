// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <srtp2/srtp.h>
#include <string.h>

/// Room that a protect call may write behind a packet: the largest trailer plus SRTCP's index.
static inline int csrtp_trailer_room(void) {
    return SRTP_MAX_TRAILER_LEN + 4;
}

/// Overwrites memory in a way that the optimiser keeps although nobody reads it again.
static inline void csrtp_cleanse(void *bytes, size_t count) {
    memset(bytes, 0, count);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}
