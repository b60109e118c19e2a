// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

/// From now on this thread's gettimeofday tells this time, in microseconds since 1970.
///
/// A library that the test program loads sees it too: the program's symbols come first. Other
/// threads, and this one after cvirtualtime_stop, read the system's clock.
void cvirtualtime_set_us(int64_t microseconds);

/// This thread's gettimeofday reads the system's clock again.
void cvirtualtime_stop(void);

/// How often this thread's gettimeofday told the virtual time since it was first set: proof that
/// a library does read it.
uint64_t cvirtualtime_reads(void);

/// From now on OpenSSL draws all its randomness on this thread from this seed.
void cvirtualtime_seed_random(uint64_t seed);

/// OpenSSL draws from the system again on this thread.
void cvirtualtime_stop_random(void);
