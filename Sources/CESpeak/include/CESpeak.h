// SPDX-License-Identifier: Apache-2.0
#pragma once
// espeak-ng 1.51. GPL: nothing but avatar-voice-espeak may import it.
#include <espeak-ng/speak_lib.h>
#include <string.h>

// Copies the name of a phone event, which Swift does not see inside its union; `text` has 9 bytes.
static inline void espeak_phone_name(const espeak_EVENT *event, char *text) {
    memcpy(text, event->id.string, 8);
    text[8] = 0;
}
