#include "error.h"

#include <cstdarg>
#include <cstdio>

namespace {

thread_local char sentence[512] = "";

}  // namespace

namespace lilaw {

lilaw_status fail(lilaw_status status, const char* format, ...) {
  va_list values;
  va_start(values, format);
  std::vsnprintf(sentence, sizeof sentence, format, values);
  va_end(values);
  return status;
}

}  // namespace lilaw

extern "C" {

const char* lilaw_last_error(void) { return sentence; }

const char* lilaw_version(void) { return LILAW_VERSION; }

const char* lilaw_status_text(lilaw_status status) {
  switch (status) {
    case LILAW_OK:
      return "OK";
    case LILAW_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case LILAW_LABEL_OUT_OF_RANGE:
      return "LABEL_OUT_OF_RANGE";
    case LILAW_NON_FINITE:
      return "NON_FINITE";
    case LILAW_UNSUPPORTED:
      return "UNSUPPORTED";
    case LILAW_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case LILAW_CUDA_UNAVAILABLE:
      return "CUDA_UNAVAILABLE";
    case LILAW_CUDA_ERROR:
      return "CUDA_ERROR";
  }
  return "UNKNOWN";
}
}
