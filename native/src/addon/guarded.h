/** Calls and exports functions of plain Node-API. */
#pragma once

#include <exception>

#include "arguments.h"

namespace lilaw::addon {

constexpr const char* kNoMemory = "Expected memory for a call but received none";

/** Runs the body of a JavaScript function; exceptions of C++ become JavaScript exceptions. */
template <class Work>
napi_value guarded(napi_env env, Work work) noexcept {
  try {
    return work();
  } catch (const Napi::Error& thrown) {
    thrown.ThrowAsJavaScriptException();
  } catch (const std::exception&) {
    // The standard library has no other reason to throw here.
    napi_throw(env, plain_error(env, "OUT_OF_MEMORY", kNoMemory));
  }
  return nullptr;
}

/** JavaScript function that runs `body` with the arguments of the call, and returns nothing. */
template <void (*body)(HostArguments&)>
napi_value method(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    body(arguments);
    return nullptr;
  });
}

/** Exports a function. */
inline void set(Napi::Object exports, const std::string& name, napi_callback function) {
  napi_value value;
  napi_create_function(exports.Env(), name.c_str(), name.size(), function, nullptr, &value);
  exports.Set(name, Napi::Value(exports.Env(), value));
}

/** Exports a function that returns the result of `body`. */
template <napi_value (*body)(Napi::Env)>
void set_getter(Napi::Object exports, const char* name) {
  set(exports, name, [](napi_env env, napi_callback_info) -> napi_value {
    return guarded(env, [&] { return body(env); });
  });
}

}  // namespace lilaw::addon
