// SPDX-License-Identifier: Apache-2.0
// Functions that need GNU extensions, which the header must not turn on.
#define _GNU_SOURCE
#include "CLinux.h"

#include <sched.h>

int clinux_thread_start(
    pthread_t *thread, const char *name, void *(*body)(void *), void *context) {
  sigset_t all, old;
  sigfillset(&all);
  const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = pthread_create(thread, 0, body, context);
  pthread_sigmask(SIG_SETMASK, &old, 0);
  if (error == 0) {
    char shortened[16];  // The kernel's limit, with the NUL.
    strncpy(shortened, name, sizeof shortened - 1);
    shortened[sizeof shortened - 1] = 0;
    pthread_setname_np(*thread, shortened);
  }
  return error;
}

int clinux_accept(int fd, clinux_address *peer) {
  struct sockaddr_storage storage;
  socklen_t size = sizeof storage;
  int accepted = accept4(fd, (struct sockaddr *)&storage, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted < 0) return -errno;
  clinux_address_get((struct sockaddr *)&storage, peer);
  return accepted;
}

int clinux_pipe(int *reader, int *writer) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  *reader = ends[0];
  *writer = ends[1];
  return 0;
}

int clinux_resolve(const char *host, clinux_address *out, int capacity) {
  // One socket type, else each address comes once per type.
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *list = 0;
  int error = getaddrinfo(host, 0, &hints, &list);
  if (error) return error;
  int count = 0;
  for (struct addrinfo *next = list; next && count < capacity; next = next->ai_next)
    count += clinux_address_get(next->ai_addr, &out[count]);
  freeaddrinfo(list);
  return count;
}

int clinux_pidfd_open(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : fd;
}

int clinux_spawn(
    pid_t *pid, const char *path, char *const argv[], char *const envp[], int in, int out,
    int err) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }
  // Our mask and our ignored SIGPIPE must not be the child's.
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, in, 0);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, out, 1);
  if (!error && err != 2) error = posix_spawn_file_actions_adddup2(&actions, err, 2);
  // Descriptors that others in this process opened without close-on-exec stay ours: a child that
  // kept a socket's far end open would hide its end from whoever waits for it.
  if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!error) error = posix_spawn(pid, path, &actions, &attributes, argv, envp ? envp : environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

int clinux_processors(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}

int clinux_eai_nodata(void) { return EAI_NODATA; }
