/** The addon with an allocator that fails when it is told to: only the memory of C++ in this module is concerned. */
#include "../../src/addon/module.h"

#include "operator_new.h"

namespace {

/** (number, many): of the allocations from now on, that one and as many after it fail; none without arguments. */
Napi::Value fail(const Napi::CallbackInfo& info) {
  // Read first, for this allocates.
  const long number = info[0].IsNumber() ? static_cast<long>(info[0].As<Napi::Number>().Int64Value()) : -1;
  const long many = info[1].IsNumber() ? static_cast<long>(info[1].As<Napi::Number>().Int64Value()) : 0;
  fail_from = fail_to = -1;
  if (number < 0) return info.Env().Undefined();
  const long from = allocations + number;
  fail_to = from + many;
  fail_from = from;
  return info.Env().Undefined();
}

Napi::Value live_allocations(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(live.load()));
}

Napi::Value all_allocations(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(allocations.load()));
}

}  // namespace

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  lilaw::addon::define_layout(exports);
  lilaw::addon::define_settings(exports);
  lilaw::addon::define_operations(exports);
  lilaw::addon::define_device(exports);
  exports.Set("failAllocations", Napi::Function::New(env, fail));
  exports.Set("liveAllocations", Napi::Function::New(env, live_allocations));
  exports.Set("allAllocations", Napi::Function::New(env, all_allocations));
  return exports;
}

NODE_API_MODULE(lilaw, init)
