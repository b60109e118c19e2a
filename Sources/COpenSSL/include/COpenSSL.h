// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// What follows are macros and variadic functions of OpenSSL, which Swift cannot import. No logic.

/// A fresh key on P-256; NULL when OpenSSL cannot.
static inline EVP_PKEY *copenssl_generate_p256(void) {
    return EVP_EC_gen("P-256");
}

/// Restricts a context to DTLS 1.2; 1 when done.
static inline int copenssl_ctx_set_dtls12_only(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1
        && SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1;
}

/// Named groups, most wanted first, colon-separated; 1 when done.
static inline int copenssl_ctx_set_groups(SSL_CTX *context, const char *groups) {
    return (int)SSL_CTX_set1_groups_list(context, groups);
}

/// Signature algorithms, most wanted first, colon-separated; 1 when done.
static inline int copenssl_ctx_set_signature_algorithms(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_sigalgs_list(context, list);
}

/// Full handshakes only: nothing is resumed, so a peer always proves its key.
static inline void copenssl_ctx_set_no_resumption(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

/// The options of a WebRTC endpoint: the MTU is ours to say, one handshake per connection.
static inline void copenssl_ctx_set_dtls_options(SSL_CTX *context) {
    SSL_CTX_set_options(context,
                        SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                            | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
}

/// Most bytes of certificates taken from a peer.
static inline void copenssl_ctx_set_max_certificates(SSL_CTX *context, long bytes) {
    SSL_CTX_set_max_cert_list(context, bytes);
}

/// Largest datagram, in bytes, that a handshake flight is cut into.
static inline void copenssl_set_mtu(SSL *connection, long bytes) {
    SSL_set_mtu(connection, bytes);
}

/// Microseconds until the handshake's retransmission; −1 when no timer runs.
static inline int64_t copenssl_dtls_timeout_us(SSL *connection) {
    struct timeval left = {0, 0};
    if (DTLSv1_get_timeout(connection, &left) != 1) return -1;
    return (int64_t)left.tv_sec * 1000000 + left.tv_usec;
}

/// 1 when the flight was sent again, 0 when nothing was due, negative when OpenSSL gives up.
static inline int copenssl_dtls_handle_timeout(SSL *connection) {
    return (int)DTLSv1_handle_timeout(connection);
}

/// Marks a read without data as "come again".
static inline void copenssl_bio_set_retry_read(BIO *bio) {
    BIO_set_retry_read(bio);
}

/// Clears the "come again" marks.
static inline void copenssl_bio_clear_retry(BIO *bio) {
    BIO_clear_retry_flags(bio);
}

/// Whether the master secret is bound to the whole handshake (RFC 7627).
static inline int copenssl_has_extended_master_secret(SSL *connection) {
    return SSL_get_extms_support(connection) == 1;
}

/// The reason number within an OpenSSL error code.
static inline int copenssl_error_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}
