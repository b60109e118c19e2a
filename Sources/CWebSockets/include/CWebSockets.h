// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

// One timer for the whole service: lws gives its callback only the list entry, so the owner stands
// behind it.
struct cwebsockets_timer {
    lws_sorted_usec_list_t entry;
    void *owner;
};

static inline void *cwebsockets_timer_owner(lws_sorted_usec_list_t *entry) {
    return ((struct cwebsockets_timer *)(void *)entry)->owner;
}

static inline void cwebsockets_schedule(struct lws_context *context,
                                        struct cwebsockets_timer *timer, sul_cb_t callback,
                                        int64_t after_us) {
    lws_sul_schedule(context, 0, &timer->entry, callback, after_us);
}
static inline void cwebsockets_cancel(struct cwebsockets_timer *timer) {
    lws_sul_cancel(&timer->entry);
}

// LWS_PRE is a nested macro that Swift does not import.
static inline size_t cwebsockets_pre(void) { return LWS_PRE; }

// Ends a connection from outside its own callbacks: CLOSED and WSI_DESTROY follow within 1 ms.
static inline void cwebsockets_kill(struct lws *wsi) {
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

// 1ll << n macros are not imported.
static inline uint64_t cwebsockets_context_options(void) {
    return LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
           LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN;
}
static inline uint64_t cwebsockets_tls_vhost_options(void) {
    return LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
           LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN;
}
static inline uint64_t cwebsockets_plain_vhost_options(void) {
    return LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN;
}

// The certificate check's own code, in LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION.
static inline int cwebsockets_verify_error(void *store_context) {
    return X509_STORE_CTX_get_error((X509_STORE_CTX *)store_context);
}

// Whether the peer's TLS close_notify has come; 0 without TLS.
static inline int cwebsockets_has_tls_end(struct lws *wsi) {
    SSL *ssl = (SSL *)lws_get_ssl(wsi);
    return ssl && (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN);
}

static inline void cwebsockets_silence(void) { lws_set_log_level(0, NULL); }
