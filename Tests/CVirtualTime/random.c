// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED
#include "CVirtualTime.h"
#include <openssl/rand.h>
#include <pthread.h>
#include <sys/random.h>

// OpenSSL 3 still asks a RAND_METHOD, where one is set, for all that it draws: keys, randoms of the
// handshake, nonces of signatures. Ours draws from a seed on threads that have one.

static _Thread_local int is_seeded;
static _Thread_local uint64_t state;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int draw(unsigned char *bytes, int count) {
    if (!is_seeded) {
        for (int done = 0; done < count;) {
            ssize_t got = getrandom(bytes + done, (size_t)(count - done), 0);
            if (got < 0) return 0;
            done += (int)got;
        }
        return 1;
    }
    for (int index = 0; index < count; index++) {
        // SplitMix64, the top byte of each step.
        uint64_t mixed = state += 0x9E3779B97F4A7C15u;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
        bytes[index] = (unsigned char)((mixed ^ (mixed >> 31)) >> 56);
    }
    return 1;
}

static int is_ready(void) { return 1; }

static const RAND_METHOD method = {.bytes = draw, .pseudorand = draw, .status = is_ready};

static void install(void) { RAND_set_rand_method(&method); }

void cvirtualtime_seed_random(uint64_t seed) {
    pthread_once(&once, install);
    state = seed;
    is_seeded = 1;
}

void cvirtualtime_stop_random(void) { is_seeded = 0; }
