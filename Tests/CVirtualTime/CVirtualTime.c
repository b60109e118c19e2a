// SPDX-License-Identifier: Apache-2.0
#include "CVirtualTime.h"
#include <sys/time.h>
#include <time.h>

// OpenSSL's DTLS timer asks gettimeofday and nothing else. The linker puts our definition into the
// test program's dynamic symbols because libssl refers to the name, so libssl binds to it.

static _Thread_local int is_virtual;
static _Thread_local int64_t virtual_us;
static _Thread_local uint64_t reads;

void cvirtualtime_set_us(int64_t microseconds) {
    is_virtual = 1;
    virtual_us = microseconds;
}

void cvirtualtime_stop(void) {
    is_virtual = 0;
}

uint64_t cvirtualtime_reads(void) {
    return reads;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    if (is_virtual) {
        reads++;
        now->tv_sec = (time_t)(virtual_us / 1000000);
        now->tv_usec = (suseconds_t)(virtual_us % 1000000);
        return 0;
    }
    struct timespec real;
    if (clock_gettime(CLOCK_REALTIME, &real) != 0) return -1;
    now->tv_sec = real.tv_sec;
    now->tv_usec = (suseconds_t)(real.tv_nsec / 1000);
    return 0;
}
