/**
 * Arguments of a call from JavaScript, by position. Every pointer that reaches a kernel is made here, after the type
 * and the length of its array have been checked. Throws Napi::Error with a `code`.
 *
 * The plain C functions of Node-API read them: an object for each argument would cost more than a small kernel.
 */
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "lilaw.h"

namespace lilaw::addon {

/** A JavaScript error with a `code`. */
Napi::Error error(Napi::Env env, const char* code, const std::string& message);

/** An array of a call: where its pointer went, so that an asynchronous call can put another in its place. */
struct ArrayUse {
  const char* name;
  napi_value value;
  void** pointer;
  std::size_t bytes;
  bool is_output;
};

class Arguments {
 public:
  static constexpr std::size_t kMost = 24;

  Arguments(napi_env env, napi_callback_info info);

  Napi::Env env() const { return env_; }

  double number(const char* name);
  /** A number without a fraction that is exact in a double. */
  std::int64_t integer(const char* name);

  /** The next argument as an array of exactly `length` elements. */
  template <class T>
  void input(const char* name, std::int64_t length, const T** pointer) {
    array(name, type_of<T>(), length, false, false, reinterpret_cast<void**>(const_cast<T**>(pointer)));
  }
  template <class T>
  void output(const char* name, std::int64_t length, T** pointer) {
    array(name, type_of<T>(), length, true, false, reinterpret_cast<void**>(pointer));
  }
  /** The same, or null or undefined, which make a null pointer. */
  template <class T>
  void optional_input(const char* name, std::int64_t length, const T** pointer) {
    array(name, type_of<T>(), length, false, true, reinterpret_cast<void**>(const_cast<T**>(pointer)));
  }
  template <class T>
  void optional_output(const char* name, std::int64_t length, T** pointer) {
    array(name, type_of<T>(), length, true, true, reinterpret_cast<void**>(pointer));
  }

  const ArrayUse* begin() const { return arrays_; }
  const ArrayUse* end() const { return arrays_ + arrays_used_; }

 private:
  template <class T>
  static constexpr napi_typedarray_type type_of() {
    if constexpr (std::is_same_v<T, float>) return napi_float32_array;
    if constexpr (std::is_same_v<T, double>) return napi_float64_array;
    if constexpr (std::is_same_v<T, std::int32_t>) return napi_int32_array;
    if constexpr (std::is_same_v<T, std::uint8_t>) return napi_uint8_array;
  }

  napi_value next();
  void array(const char* name, napi_typedarray_type type, std::int64_t length, bool is_output, bool is_optional,
             void** pointer);

  Napi::Env env_;
  napi_value values_[kMost];
  std::size_t values_used_ = 0;
  ArrayUse arrays_[kMost];
  std::size_t arrays_used_ = 0;
};

/** Data and length in bytes of a typed array as it is now; a detached one has no bytes. */
struct Bytes {
  void* data;
  std::size_t length;
};

Bytes bytes_of(napi_env env, napi_value typed_array);

}  // namespace lilaw::addon
