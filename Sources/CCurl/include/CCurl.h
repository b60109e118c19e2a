// SPDX-License-Identifier: Apache-2.0
#pragma once
// The options go through functions of one type each: the checks of the variadic macros see nothing.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, const void *value) {
    return curl_easy_setopt(easy, option, value);
}
// For WRITEFUNCTION and HEADERFUNCTION, and their DATA options.
static inline void ccurl_set_sink(
    CURL *easy, CURLoption function, CURLoption data, curl_write_callback callback, void *context) {
    curl_easy_setopt(easy, function, callback);
    curl_easy_setopt(easy, data, context);
}
static inline void ccurl_set_source(CURL *easy, curl_read_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, callback);
    curl_easy_setopt(easy, CURLOPT_READDATA, context);
}
static inline long ccurl_long(CURL *easy, CURLINFO info) {
    long value = 0;
    curl_easy_getinfo(easy, info, &value);
    return value;
}
static inline void *ccurl_private(CURL *easy) {
    char *value = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value);
    return value;
}
static inline void ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    curl_multi_setopt(multi, option, value);
}
static inline void ccurl_multi_set_callbacks(
    CURLM *multi, curl_socket_callback socket, curl_multi_timer_callback timer, void *context) {
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
}
// The next transfer that ended, and how; NULL when there is none.
static inline CURL *ccurl_multi_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}
