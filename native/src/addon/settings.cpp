/** Version and settings of the library. */
#include <cstring>

#include "../tensorflow/register.h"
#include "guarded.h"
#include "module.h"

namespace lilaw::addon {
namespace {

/** (name); undefined chooses the best instruction set. */
void set_cpu_isa(HostArguments& arguments) {
  const Napi::Value name(arguments.env(), arguments.next());
  if (name.IsUndefined()) return check(arguments.env(), lilaw_set_cpu_isa(nullptr));
  if (!name.IsString()) {
    throw unexpected(arguments.env(), "INVALID_ARGUMENT", "a name", "the instruction set",
                     describe(arguments.env(), name));
  }
  check(arguments.env(), lilaw_set_cpu_isa(name.As<Napi::String>().Utf8Value().c_str()));
}

napi_value cpu_isa(Napi::Env env) {
  const char* const name = lilaw_cpu_isa();
  if (std::strcmp(name, "none") == 0) check(env, LILAW_UNSUPPORTED);
  return Napi::String::New(env, name);
}

napi_value threads(Napi::Env env) { return Napi::Number::New(env, lilaw_threads()); }

napi_value register_tensorflow_ops(Napi::Env env) { return Napi::String::New(env, tensorflow::register_ops()); }

/** (count) */
void set_threads(HostArguments& arguments) {
  const std::int64_t count = arguments.integer("threads");
  const bool fits = INT32_MIN <= count && count <= INT32_MAX;
  check(arguments.env(), lilaw_set_threads(fits ? static_cast<std::int32_t>(count) : -1));
}

/** { driver, runtime, devices }, or { reason } if CUDA is not available. */
napi_value cuda_info(Napi::Env env) {
  Napi::Object found = Napi::Object::New(env);
  std::int32_t driver = 0;
  std::int32_t runtime = 0;
  std::int32_t count = 0;
  if (lilaw_cuda_versions(&driver, &runtime) != LILAW_OK) {
    found.Set("reason", lilaw_last_error());
    return found;
  }
  found.Set("driver", driver);
  found.Set("runtime", runtime);
  if (lilaw_cuda_device_count(&count) != LILAW_OK) {
    found.Set("reason", lilaw_last_error());
    return found;
  }
  Napi::Array devices = Napi::Array::New(env);
  for (std::int32_t i = 0; i < count; i++) {
    lilaw_cuda_device device;
    check(env, lilaw_cuda_device_info(i, &device));
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", device.name);
    entry.Set("computeCapability", std::to_string(device.compute_major) + "." + std::to_string(device.compute_minor));
    entry.Set("multiprocessors", device.multiprocessors);
    entry.Set("memoryBytes", static_cast<double>(device.memory_bytes));
    devices.Set(static_cast<std::uint32_t>(i), entry);
  }
  found.Set("devices", devices);
  return found;
}

}  // namespace

void define_settings(Napi::Object exports) {
  exports.Set("version", lilaw_version());
  set_getter<cpu_isa>(exports, "cpuIsa");
  set(exports, "setCpuIsa", method<set_cpu_isa>);
  set_getter<threads>(exports, "threads");
  set(exports, "setThreads", method<set_threads>);
  set_getter<register_tensorflow_ops>(exports, "registerTensorFlowOps");
  set_getter<cuda_info>(exports, "cudaInfo");
}

}  // namespace lilaw::addon
