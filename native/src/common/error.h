/** How a function of the C ABI says no: a status, and a sentence for `lilaw_last_error`. */
#pragma once

#include "lilaw.h"

namespace lilaw {

/** Keeps the sentence (printf's format) for this thread and returns `status`. */
__attribute__((format(printf, 2, 3))) lilaw_status fail(lilaw_status status, const char* format, ...);

}  // namespace lilaw
