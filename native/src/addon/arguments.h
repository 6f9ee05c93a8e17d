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

/** A JavaScript error with a `code`, created without allocating in C++, since memory may have run out. */
napi_value plain_error(napi_env env, const char* code, const char* message);

/** The same as an exception of C++. */
Napi::Error error(Napi::Env env, const char* code, const std::string& message);

/** The same with the message of all bad input: "Expected X for NAME but received Y". */
Napi::Error unexpected(Napi::Env env, const char* code, const std::string& expectation, const std::string& name,
                       const std::string& received);

/** A readable description of a value. */
std::string describe(napi_env env, napi_value value);

/** Throws the error of a status that is not LILAW_OK. */
void check(Napi::Env env, lilaw_status status);

/** Element type of an array. The types of lilaw_dtype come first, with the same numbers. */
enum class Element { kFloat32, kFloat16, kBfloat16, kFloat64, kInt32, kUint8 };
constexpr int kElements = 6;

/** Bytes of one element. */
std::int64_t size_of(Element element);

/** An array of a call. */
struct ArrayUse {
  const char* name;
  napi_value value;
  const void* data;
  std::size_t bytes;
  bool is_output;
};

class Arguments {
 public:
  static constexpr std::size_t kMost = 24;

  Arguments(napi_env env, napi_callback_info info);
  virtual ~Arguments() = default;

  Napi::Env env() const { return env_; }

  napi_value next() { return values_[values_used_++]; }
  double number(const char* name);
  /** The next argument as an integer that a double represents exactly. */
  std::int64_t integer(const char* name);
  /** The next argument as up to `most` numbers: one number, or a Float64Array. The others stay as they are. */
  void numbers(const char* name, double* values, std::size_t most);

  /** The element type of the next argument if that is an array of logits; float32 otherwise. */
  virtual lilaw_dtype logits_type() const = 0;

  /** The next argument as an array of exactly `length` elements. */
  void array(const char* name, Element element, std::int64_t length, bool is_output, bool is_optional, void** pointer);

  template <class T>
  void input(const char* name, std::int64_t length, const T** pointer) {
    array(name, element_of<T>(), length, false, false, reinterpret_cast<void**>(const_cast<T**>(pointer)));
  }
  template <class T>
  void output(const char* name, std::int64_t length, T** pointer) {
    array(name, element_of<T>(), length, true, false, reinterpret_cast<void**>(pointer));
  }
  /** The same; null and undefined give a null pointer. */
  template <class T>
  void optional_input(const char* name, std::int64_t length, const T** pointer) {
    array(name, element_of<T>(), length, false, true, reinterpret_cast<void**>(const_cast<T**>(pointer)));
  }
  template <class T>
  void optional_output(const char* name, std::int64_t length, T** pointer) {
    array(name, element_of<T>(), length, true, true, reinterpret_cast<void**>(pointer));
  }

  /** The next argument as memory for a structure of results: of its size and alignment. */
  template <class Result>
  void result(Result** pointer) {
    output("result", sizeof(Result), reinterpret_cast<std::uint8_t**>(pointer));
    check_start("result", *pointer, alignof(Result));
  }

  /**
   * Throws if an output overlaps another array, since kernels read and write in an order that JavaScript cannot see.
   * Only the gradient may be the same array as the logits.
   */
  void check_apart() const;

  const ArrayUse* begin() const { return arrays_; }
  const ArrayUse* end() const { return arrays_ + arrays_used_; }

 protected:
  /** Properties of an array; `found` is false if the value is no array of this kind. */
  struct Array {
    bool found;
    /** Has the requested element type */
    bool fits;
    std::size_t length;
    void* data;
  };
  virtual Array look_at(const char* name, napi_value value, Element wanted) const = 0;
  virtual std::string kind_of(Element element) const = 0;

  napi_value upcoming() const { return values_[values_used_]; }

 private:
  template <class T>
  static constexpr Element element_of() {
    if constexpr (std::is_same_v<T, float>) return Element::kFloat32;
    if constexpr (std::is_same_v<T, double>) return Element::kFloat64;
    if constexpr (std::is_same_v<T, std::int32_t>) return Element::kInt32;
    if constexpr (std::is_same_v<T, std::uint8_t>) return Element::kUint8;
  }

  void check_start(const char* name, const void* pointer, std::size_t alignment) const;

  Napi::Env env_;
  napi_value values_[kMost];
  std::size_t values_used_ = 0;
  ArrayUse arrays_[kMost];
  std::size_t arrays_used_ = 0;
};

/** Arrays are typed arrays; 16-bit floats are the bits of a Uint16Array. */
class HostArguments : public Arguments {
 public:
  using Arguments::Arguments;
  lilaw_dtype logits_type() const override { return LILAW_FLOAT32; }

 protected:
  Array look_at(const char* name, napi_value value, Element wanted) const override;
  std::string kind_of(Element element) const override;
};

}  // namespace lilaw::addon
