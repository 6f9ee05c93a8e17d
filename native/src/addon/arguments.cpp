#include "arguments.h"

#include <cmath>

namespace lilaw::addon {
namespace {

struct TypedArray {
  napi_typedarray_type type;
  std::size_t length;
  void* data;
};

std::size_t element_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    default:
      return 8;
  }
}

const char* name_of(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array:
      return "Float32Array";
    case napi_float64_array:
      return "Float64Array";
    case napi_int32_array:
      return "Int32Array";
    case napi_uint8_array:
      return "Uint8Array";
    default:
      return "another typed array";
  }
}

TypedArray info_of(napi_env env, napi_value value) {
  TypedArray array{};
  napi_get_typedarray_info(env, value, &array.type, &array.length, &array.data, nullptr, nullptr);
  return array;
}

bool is_absent(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

std::string describe(napi_env env, napi_value value) {
  bool is_array = false;
  napi_is_typedarray(env, value, &is_array);
  if (is_array) {
    const TypedArray array = info_of(env, value);
    return std::string(name_of(array.type)) + " of length " + std::to_string(array.length);
  }
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type == napi_symbol) return "a symbol";
  if (type == napi_function) return "a function";
  if (type == napi_object) return "an object";
  return Napi::Value(env, value).ToString().Utf8Value();
}

std::string sentence(const std::string& expectation, const char* name, const std::string& received) {
  return "Expected " + expectation + " for " + name + " but received " + received;
}

}  // namespace

Napi::Error error(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error thrown = Napi::Error::New(env, message);
  thrown.Set("code", Napi::String::New(env, code));
  return thrown;
}

Bytes bytes_of(napi_env env, napi_value typed_array) {
  const TypedArray array = info_of(env, typed_array);
  return {array.data, array.length * element_bytes(array.type)};
}

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  std::size_t count = kMost;
  // Arguments that were not given become undefined.
  napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
}

napi_value Arguments::next() { return values_[values_used_++]; }

double Arguments::number(const char* name) {
  const napi_value value = next();
  double number;
  if (napi_get_value_double(env_, value, &number) != napi_ok) {
    throw error(env_, "INVALID_ARGUMENT", sentence("a number", name, describe(env_, value)));
  }
  return number;
}

std::int64_t Arguments::integer(const char* name) {
  const double value = number(name);
  if (!(std::fabs(value) <= 9007199254740991.0) || value != std::trunc(value)) {
    throw error(env_, "INVALID_ARGUMENT", sentence("an integer", name, std::to_string(value)));
  }
  return static_cast<std::int64_t>(value);
}

void Arguments::array(const char* name, napi_typedarray_type type, std::int64_t length, bool is_output,
                      bool is_optional, void** pointer) {
  const napi_value value = next();
  bool is_array = false;
  napi_is_typedarray(env_, value, &is_array);
  if (!is_array) {
    if (is_optional && is_absent(env_, value)) return;
    throw error(env_, "INVALID_ARGUMENT",
                sentence(std::string("a ") + name_of(type), name, describe(env_, value)));
  }
  const TypedArray array = info_of(env_, value);
  if (array.type != type) {
    throw error(env_, "INVALID_ARGUMENT",
                sentence(std::string("a ") + name_of(type), name, describe(env_, value)));
  }
  if (length < 0 || array.length != static_cast<std::size_t>(length)) {
    throw error(env_, "LENGTH_MISMATCH",
                sentence(std::to_string(length), (std::string(name) + ".length").c_str(),
                         std::to_string(array.length)));
  }
  *pointer = array.data;
  arrays_[arrays_used_++] = {name, value, pointer, array.length * element_bytes(type), is_output};
}

}  // namespace lilaw::addon
