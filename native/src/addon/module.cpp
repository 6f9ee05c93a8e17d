#include "module.h"

static Napi::Object init(Napi::Env, Napi::Object exports) {
  lilaw::addon::define_layout(exports);
  lilaw::addon::define_settings(exports);
  lilaw::addon::define_operations(exports);
  lilaw::addon::define_device(exports);
  lilaw::addon::define_standard_error(exports);
  return exports;
}

NODE_API_MODULE(lilaw, init)
