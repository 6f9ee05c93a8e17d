/** How a function of the C ABI fails: with a status, and a message for `lilaw_last_error`. */
#pragma once

#include "lilaw.h"

namespace lilaw {

/** Stores the message (printf's format) for this thread and returns `status`. */
__attribute__((format(printf, 2, 3))) lilaw_status fail(lilaw_status status, const char* format, ...);

}  // namespace lilaw
