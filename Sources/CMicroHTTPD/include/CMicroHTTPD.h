// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <microhttpd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

// What a daemon calls. Must outlive it.
struct cmicrohttpd_callbacks {
    void *owner;
    MHD_AccessHandlerCallback access;
    void *(*target)(void *owner, const char *target, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    void (*message)(void *owner, const char *text);
};

static inline void cmicrohttpd_log(void *callbacks, const char *format, va_list arguments) {
    struct cmicrohttpd_callbacks *to = (struct cmicrohttpd_callbacks *)callbacks;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    to->message(to->owner, text);
}

// Leaves escapes as they are: the default cuts the path at %00.
static inline size_t cmicrohttpd_keep(void *owner, struct MHD_Connection *connection, char *text) {
    (void)owner;
    (void)connection;
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

// A daemon for an event loop of ours, on a listening socket of ours; it owns the socket from then on.
static inline struct MHD_Daemon *cmicrohttpd_start(
    int listener, struct cmicrohttpd_callbacks *callbacks, unsigned int connections_max,
    unsigned int per_address_max, unsigned int idle_seconds, size_t connection_memory) {
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)&cmicrohttpd_log, callbacks},
        {MHD_OPTION_LISTEN_SOCKET, listener, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, connections_max, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address_max, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)connection_memory, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)callbacks->target, callbacks->owner},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)&cmicrohttpd_keep, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)callbacks->completed, callbacks->owner},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)callbacks->connection, callbacks->owner},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, callbacks->access, callbacks->owner, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

// The descriptor that becomes readable when the daemon wants to run.
static inline int cmicrohttpd_epoll(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? info->epoll_fd : -1;
}

static inline int cmicrohttpd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

// The number that our NOTIFY_CONNECTION callback left with the connection.
static inline void *cmicrohttpd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static inline const struct sockaddr *cmicrohttpd_peer(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static inline void cmicrohttpd_close_upgraded(struct MHD_UpgradeResponseHandle *handle) {
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

// Cast macros.
static inline uint64_t cmicrohttpd_size_unknown(void) { return MHD_SIZE_UNKNOWN; }
static inline ssize_t cmicrohttpd_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
static inline ssize_t cmicrohttpd_end_with_error(void) {
    return MHD_CONTENT_READER_END_WITH_ERROR;
}
