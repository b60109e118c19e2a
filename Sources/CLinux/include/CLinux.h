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
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
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

/// An address and a port as plain numbers, host byte order; an IPv4 address in `low`.
typedef struct {
  uint64_t high, low;
  uint32_t scope;
  uint16_t port;
  uint8_t is_v6;
} clinux_address;

/// Length of `out` as filled.
static inline socklen_t clinux_address_put(
    const clinux_address *address, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (address->is_v6) {
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    v6->sin6_scope_id = address->scope;
    for (int i = 0; i < 8; i++) {
      v6->sin6_addr.s6_addr[i] = (uint8_t)(address->high >> (56 - 8 * i));
      v6->sin6_addr.s6_addr[8 + i] = (uint8_t)(address->low >> (56 - 8 * i));
    }
    return sizeof *v6;
  }
  struct sockaddr_in *v4 = (struct sockaddr_in *)out;
  v4->sin_family = AF_INET;
  v4->sin_port = htons(address->port);
  v4->sin_addr.s_addr = htonl((uint32_t)address->low);
  return sizeof *v4;
}

/// 1 if the socket address is one of the Internet's.
static inline int clinux_address_get(const struct sockaddr *in, clinux_address *address) {
  memset(address, 0, sizeof *address);
  if (in && in->sa_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)in;
    for (int i = 0; i < 8; i++) {
      address->high = address->high << 8 | v6->sin6_addr.s6_addr[i];
      address->low = address->low << 8 | v6->sin6_addr.s6_addr[8 + i];
    }
    address->is_v6 = 1;
    address->scope = v6->sin6_scope_id;
    address->port = ntohs(v6->sin6_port);
    return 1;
  }
  if (in && in->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)in;
    address->low = ntohl(v4->sin_addr.s_addr);
    address->port = ntohs(v4->sin_port);
    return 1;
  }
  return 0;
}

/// Non-blocking socket of SOCK_DGRAM or SOCK_STREAM, IPv6 alone if IPv6: descriptor, or -errno.
static inline int clinux_socket(int is_v6, int type) {
  int fd = socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  int one = 1;
  if (is_v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  return fd;
}
/// 0, or -errno.
static inline int clinux_set_option(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}
/// The value (SO_ERROR, for one), or -errno.
static inline int clinux_get_option(int fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, option, &value, &size) < 0 ? -errno : value;
}
/// Traffic class of outgoing packets, and the known path MTU respected with DF set.
static inline void clinux_set_datagram_options(int fd, int is_v6, int traffic_class) {
  int want = 1;  // IP_PMTUDISC_WANT, IPV6_PMTUDISC_WANT
  if (is_v6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &traffic_class, sizeof traffic_class);
    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &want, sizeof want);
  } else {
    setsockopt(fd, IPPROTO_IP, IP_TOS, &traffic_class, sizeof traffic_class);
    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &want, sizeof want);
  }
}
/// 0, or -errno.
static inline int clinux_bind(int fd, const clinux_address *address) {
  struct sockaddr_storage storage;
  socklen_t size = clinux_address_put(address, &storage);
  return bind(fd, (struct sockaddr *)&storage, size) < 0 ? -errno : 0;
}
/// 0, or -errno.
static inline int clinux_connect(int fd, const clinux_address *address) {
  struct sockaddr_storage storage;
  socklen_t size = clinux_address_put(address, &storage);
  return connect(fd, (struct sockaddr *)&storage, size) < 0 ? -errno : 0;
}
/// 0, or -errno.
static inline int clinux_local_address(int fd, clinux_address *address) {
  struct sockaddr_storage storage;
  socklen_t size = sizeof storage;
  if (getsockname(fd, (struct sockaddr *)&storage, &size) < 0) return -errno;
  return clinux_address_get((struct sockaddr *)&storage, address) ? 0 : -EAFNOSUPPORT;
}
/// Bytes sent, or -errno. To the connected peer if `address` is NULL. Never raises SIGPIPE.
static inline ssize_t clinux_send(
    int fd, const void *bytes, size_t count, const clinux_address *address) {
  ssize_t sent;
  if (address) {
    struct sockaddr_storage storage;
    socklen_t size = clinux_address_put(address, &storage);
    sent = sendto(fd, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&storage, size);
  } else {
    sent = send(fd, bytes, count, MSG_NOSIGNAL);
  }
  return sent < 0 ? -errno : sent;
}
/// The datagram's true length, which may be more than `capacity`, or -errno.
static inline ssize_t clinux_receive_datagram(
    int fd, void *bytes, size_t capacity, clinux_address *source) {
  struct sockaddr_storage storage;
  socklen_t size = sizeof storage;
  storage.ss_family = AF_UNSPEC;
  ssize_t count = recvfrom(fd, bytes, capacity, MSG_TRUNC, (struct sockaddr *)&storage, &size);
  if (count < 0) return -errno;
  clinux_address_get((struct sockaddr *)&storage, source);
  return count;
}
/// Bytes read, 0 at the end, or -errno.
static inline ssize_t clinux_read(int fd, void *bytes, size_t capacity) {
  ssize_t count = read(fd, bytes, capacity);
  return count < 0 ? -errno : count;
}
/// Bytes written, or -errno.
static inline ssize_t clinux_write(int fd, const void *bytes, size_t count) {
  ssize_t written = write(fd, bytes, count);
  return written < 0 ? -errno : written;
}
/// Non-blocking descriptor of a new connection, or -errno.
int clinux_accept(int fd, clinux_address *peer);

/// Pipe with O_CLOEXEC on both ends: 0, or -errno.
int clinux_pipe(int *reader, int *writer);
/// Blocking or non-blocking from now on: 0, or -errno.
static inline int clinux_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}
/// Counting semaphore as a blocking eventfd: descriptor, or -errno.
static inline int clinux_semaphore(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
  return fd < 0 ? -errno : fd;
}
/// Adds `count` to an eventfd.
static inline void clinux_event_add(int fd, uint64_t count) {
  while (write(fd, &count, sizeof count) < 0 && errno == EINTR) {}
}
/// Waits for a non-blocking eventfd and clears it: 1, or 0 when the time is up. -1 waits for ever.
static inline int clinux_event_wait(int fd, int timeout_ms) {
  struct pollfd wait = {fd, POLLIN, 0};
  uint64_t value;
  if (poll(&wait, 1, timeout_ms) <= 0) return 0;
  return read(fd, &value, sizeof value) == sizeof value;
}
/// Waits until something can be written.
static inline void clinux_wait_writable(int fd) {
  struct pollfd wait = {fd, POLLOUT, 0};
  poll(&wait, 1, -1);
}
/// Takes one from a semaphore, waiting for it.
static inline void clinux_semaphore_wait(int fd) {
  uint64_t value;
  while (read(fd, &value, sizeof value) < 0 && errno == EINTR) {}
}

/// Up to `capacity` addresses of a host: their number, or a getaddrinfo code (negative).
int clinux_resolve(const char *host, clinux_address *out, int capacity);

/// EAI_NODATA, a GNU extension: the name exists, but has no address.
int clinux_eai_nodata(void);

/// Descriptor of a child process that becomes readable at its end, or -errno.
int clinux_pidfd_open(pid_t pid);
/// Starts a program with the three standard descriptors given and default signals: 0, or errno.
/// `envp` NULL: ours. The three must be above 2.
int clinux_spawn(
    pid_t *pid, const char *path, char *const argv[], char *const envp[], int in, int out, int err);
/// 1: ended, with its code, or with 128 + the signal's number and `signalled`; 0: runs; -errno.
static inline int clinux_reap(pid_t pid, int block, int *code, int *signalled) {
  int status = 0;
  pid_t ended;
  do {
    ended = waitpid(pid, &status, block ? 0 : WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended <= 0) return ended < 0 ? -errno : 0;
  *signalled = WIFSIGNALED(status);
  *code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return 1;
}

/// Blocks or unblocks one signal for the calling thread and those it starts.
static inline void clinux_signal_block(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, 0);
}
static inline void clinux_signal_ignore(int number) { signal(number, SIG_IGN); }
/// A signalfd for up to 64 signals, bit n - 1 for signal n: descriptor, or -errno.
static inline int clinux_signalfd(uint64_t signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number <= 64; number++)
    if (signals >> (number - 1) & 1) sigaddset(&set, number);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}
/// The next signal's number, or -errno.
static inline int clinux_signalfd_next(int fd) {
  struct signalfd_siginfo info;
  ssize_t count = read(fd, &info, sizeof info);
  return count < 0 ? -errno : (int)info.ssi_signo;
}

/// Raises the soft limit of descriptors to the hard one: the limit then.
static inline uint64_t clinux_raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 0;
  rlim_t soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? soft : limit.rlim_cur;
}
/// Processors this process may run on.
int clinux_processors(void);
