/** How functions of plain Node-API are called and exported. */
#pragma once

#include <exception>

#include "arguments.h"

namespace lilaw::addon {

constexpr const char* kNoMemory = "Expected memory for a call but received none";

/** Does what a function of JavaScript does; what that throws, JavaScript catches. */
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

/** The function of JavaScript that does `body` with the arguments of its call, and returns nothing. */
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

/** Exports the function that gives what `body` does. */
template <napi_value (*body)(Napi::Env)>
void set_getter(Napi::Object exports, const char* name) {
  set(exports, name, [](napi_env env, napi_callback_info) -> napi_value {
    return guarded(env, [&] { return body(env); });
  });
}

}  // namespace lilaw::addon
