/** What the library is and how it is set. */
#include "../tensorflow/register.h"
#include "arguments.h"
#include "module.h"

namespace lilaw::addon {
namespace {

Napi::Value set_cpu_isa(const Napi::CallbackInfo& info) {
  const bool named = info[0].IsString();
  const std::string name = named ? info[0].As<Napi::String>().Utf8Value() : "";
  check(info.Env(), lilaw_set_cpu_isa(named ? name.c_str() : nullptr));
  return info.Env().Undefined();
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw error(info.Env(), "INVALID_ARGUMENT", "Expected a number for threads");
  check(info.Env(), lilaw_set_threads(info[0].As<Napi::Number>().Int32Value()));
  return info.Env().Undefined();
}

/** { driver, runtime, devices }, or { reason } where there is no CUDA. */
Napi::Value cuda_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
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
  const Napi::Env env = exports.Env();
  exports.Set("version", lilaw_version());
  exports.Set("abi", kAbi);
  exports.Set("cpuIsa", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::String::New(info.Env(), lilaw_cpu_isa());
              }));
  exports.Set("setCpuIsa", Napi::Function::New(env, set_cpu_isa));
  exports.Set("threads", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::Number::New(info.Env(), lilaw_threads());
              }));
  exports.Set("setThreads", Napi::Function::New(env, set_threads));
  exports.Set("registerTensorFlowOps", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::String::New(info.Env(), tensorflow::register_ops());
              }));
  exports.Set("cudaInfo", Napi::Function::New(env, cuda_info));
}

}  // namespace lilaw::addon
