// SPDX-License-Identifier: Apache-2.0
// Functions that need GNU extensions, which the header must not turn on.
#define _GNU_SOURCE
#include "CLinux.h"

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
