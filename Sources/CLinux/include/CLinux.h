// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Swift's Glibc module map leaves out or cannot import. Without _GNU_SOURCE, as all other C
// targets and Glibc itself: with it, types such as fd_set differ between modules and Swift files
// that see two of them do not compile. GNU extensions are functions of ours, in CLinux.c.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// Nanoseconds of CLOCK_BOOTTIME: monotonic, and suspend counts.
static inline uint64_t clinux_boottime_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/// Milliseconds since 1970-01-01 UTC.
static inline int64_t clinux_unix_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/// Descriptor, or -errno.
static inline int clinux_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/// 0, or -errno. `op` as for epoll_ctl.
static inline int clinux_epoll_ctl(int epoll, int op, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data = {.u64 = data}};
  return epoll_ctl(epoll, op, fd, &event) < 0 ? -errno : 0;
}

/// Non-blocking eventfd: descriptor, or -errno.
static inline int clinux_eventfd(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

/// Timer on CLOCK_BOOTTIME: descriptor, or -errno.
static inline int clinux_timerfd(void) {
  int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

/// Arms the timer to an absolute time; 0 disarms it. Clears an expiry not yet read.
static inline int clinux_timerfd_arm_ns(int fd, uint64_t at) {
  struct itimerspec spec = {{0, 0}, {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};
  return timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, 0) < 0 ? -errno : 0;
}

/// Starts a joinable thread that blocks every signal but the ones a fault raises. 0, or errno.
int clinux_thread_start(
    pthread_t *thread, const char *name, void *(*body)(void *), void *context);
