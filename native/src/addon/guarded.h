/** How functions of plain Node-API are called and exported. */
#pragma once

#include <new>

#include "arguments.h"

namespace lilaw::addon {

/** Does what a function of JavaScript does; what that throws, JavaScript catches. */
template <class Work>
napi_value guarded(napi_env env, Work work) {
  try {
    return work();
  } catch (const Napi::Error& thrown) {
    thrown.ThrowAsJavaScriptException();
  } catch (const std::bad_alloc&) {
    error(env, "OUT_OF_MEMORY", "Expected memory for a call but received none").ThrowAsJavaScriptException();
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

}  // namespace lilaw::addon
