#include <algorithm>
#include <cmath>
#include <cstring>

#include "handles.h"

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
    case napi_uint16_array:
      return "Uint16Array";
    default:
      return "another typed array";
  }
}

napi_typedarray_type type_of(Element element) {
  switch (element) {
    case Element::kFloat16:
    case Element::kBfloat16:
      return napi_uint16_array;
    case Element::kFloat64:
      return napi_float64_array;
    case Element::kInt32:
      return napi_int32_array;
    case Element::kUint8:
      return napi_uint8_array;
    default:
      return napi_float32_array;
  }
}

/** Reads the properties of a typed array. Returns false for any other value. */
bool read_info(napi_env env, napi_value value, TypedArray* array) {
  return napi_get_typedarray_info(env, value, &array->type, &array->length, &array->data, nullptr, nullptr) == napi_ok;
}

bool is_absent(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

}  // namespace

napi_value plain_error(napi_env env, const char* code, const char* message) {
  napi_value code_value = nullptr;
  napi_value message_value = nullptr;
  napi_value error = nullptr;
  napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value);
  napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &message_value);
  napi_create_error(env, code_value, message_value, &error);
  return error;
}

Napi::Error error(Napi::Env env, const char* code, const std::string& message) {
  return Napi::Error(env, plain_error(env, code, message.c_str()));
}

Napi::Error unexpected(Napi::Env env, const char* code, const std::string& expectation, const std::string& name,
                       const std::string& received) {
  return error(env, code, "Expected " + expectation + " for " + name + " but received " + received);
}

std::string describe(napi_env env, napi_value value) {
  TypedArray array{};
  if (read_info(env, value, &array)) {
    return std::string(name_of(array.type)) + " of length " + std::to_string(array.length);
  }
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type == napi_symbol) return "a symbol";
  if (type == napi_function) return "a function";
  if (const Buffer* const buffer = held_by<Buffer>(env, value)) return Buffer::kind_of(buffer->element);
  if (type == napi_object) return "an object";
  // A text may be of any length; its beginning, in whole characters, is enough.
  char beginning[300];
  std::size_t length = 0;
  napi_get_value_string_utf8(env, Napi::Value(env, value).ToString(), beginning, sizeof beginning, &length);
  return std::string(beginning, length);
}

void check(Napi::Env env, lilaw_status status) {
  if (status != LILAW_OK) throw error(env, lilaw_status_text(status), lilaw_last_error());
}

std::int64_t size_of(Element element) { return static_cast<std::int64_t>(element_bytes(type_of(element))); }

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  std::size_t count = kMost;
  // Arguments that were not given become undefined.
  napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
}

double Arguments::number(const char* name) {
  const napi_value value = next();
  double number;
  if (napi_get_value_double(env_, value, &number) != napi_ok) {
    throw unexpected(env_, "INVALID_ARGUMENT", "a number", name, describe(env_, value));
  }
  return number;
}

std::int64_t Arguments::integer(const char* name) {
  const double value = number(name);
  if (!(std::fabs(value) <= 9007199254740991.0) || value != std::trunc(value)) {
    throw unexpected(env_, "INVALID_ARGUMENT", "an integer", name, std::to_string(value));
  }
  return static_cast<std::int64_t>(value);
}

void Arguments::numbers(const char* name, double* values, std::size_t most) {
  const napi_value value = next();
  if (napi_get_value_double(env_, value, values) == napi_ok) return;
  TypedArray array{};
  if (!read_info(env_, value, &array) || array.type != napi_float64_array || array.length > most) {
    throw unexpected(env_, "INVALID_ARGUMENT", "a number or a Float64Array of at most " + std::to_string(most), name,
                     describe(env_, value));
  }
  std::copy_n(static_cast<const double*>(array.data), array.length, values);
}

void Arguments::array(const char* name, Element element, std::int64_t length, bool is_output, bool is_optional,
                      void** pointer) {
  const napi_value value = next();
  const Array array = look_at(name, value, element);
  if (!array.found && is_optional && is_absent(env_, value)) return;
  if (!array.found || !array.fits) {
    throw unexpected(env_, "INVALID_ARGUMENT", kind_of(element), name, describe(env_, value));
  }
  if (length < 0 || array.length != static_cast<std::size_t>(length)) {
    throw unexpected(env_, "LENGTH_MISMATCH", std::to_string(length), std::string(name) + ".length",
                     std::to_string(array.length));
  }
  *pointer = array.data;
  arrays_[arrays_used_++] = {name, value, array.data, array.length * static_cast<std::size_t>(size_of(element)),
                             is_output};
}

namespace {

/** Address range of an array: its first byte, and the byte after its last. */
struct Span {
  std::uintptr_t begin;
  std::uintptr_t end;

  Span() = default;
  Span(std::uintptr_t begin, std::uintptr_t end) : begin(begin), end(end) {}
  explicit Span(const ArrayUse& use)
      : begin(reinterpret_cast<std::uintptr_t>(use.data)), end(begin + use.bytes) {}
  bool overlaps(const Span& other) const { return begin < other.end && other.begin < end; }
};

bool is_in_place(const ArrayUse& out, const ArrayUse& in) {
  return std::strcmp(out.name, "gradLogits") == 0 && std::strcmp(in.name, "logits") == 0 && out.data == in.data;
}

}  // namespace

void Arguments::check_apart() const {
  // Every call pays for this loop, so it only tests whether any two arrays may overlap. Most arrays lie apart from all
  // earlier ones.
  Span spans[kMost];
  Span all = {UINTPTR_MAX, 0};
  bool any = false;
  for (std::size_t i = 0; i < arrays_used_; i++) {
    const Span span = spans[i] = Span(arrays_[i]);
    if (span.overlaps(all)) {
      for (std::size_t j = 0; j < i; j++) {
        if (span.overlaps(spans[j])) any |= arrays_[i].is_output | arrays_[j].is_output;
      }
    }
    all = {std::min(all.begin, span.begin), std::max(all.end, span.end)};
  }
  if (!any) return;
  for (const ArrayUse& out : *this) {
    if (!out.is_output) continue;
    for (const ArrayUse& other : *this) {
      if (&other == &out || !Span(out).overlaps(Span(other))) continue;
      if (is_in_place(out, other) || is_in_place(other, out)) continue;
      throw unexpected(env_, "INVALID_ARGUMENT", std::string("memory apart from ") + other.name, out.name,
                       "arrays that overlap");
    }
  }
}

void Arguments::check_start(const char* name, const void* pointer, std::size_t alignment) const {
  const auto offset = reinterpret_cast<std::uintptr_t>(pointer) % alignment;
  if (offset == 0) return;
  throw unexpected(env_, "INVALID_ARGUMENT", "a multiple of " + std::to_string(alignment) + " bytes",
                   std::string("the start of ") + name, std::to_string(offset) + " bytes more");
}

Arguments::Array HostArguments::look_at(const char*, napi_value value, Element wanted) const {
  TypedArray array{};
  if (!read_info(env(), value, &array)) return {};
  return {true, array.type == type_of(wanted), array.length, array.data};
}

std::string HostArguments::kind_of(Element element) const { return std::string("a ") + name_of(type_of(element)); }

}  // namespace lilaw::addon
