// SPDX-License-Identifier: Apache-2.0
#pragma once
// Flite 2.2 with the dictionary and the voices of Debian's flite1-dev, which have no header of
// their own. Who uses a voice links it.
#include <flite/flite.h>

cst_lexicon *cmu_lex_init(void);

cst_voice *register_cmu_us_slt(const char *voxdir);
cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_awb(const char *voxdir);
cst_voice *register_cmu_us_kal16(const char *voxdir);
