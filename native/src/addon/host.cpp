/** The operations on host memory, each as a function that returns when it is done and as one that promises to. */
#include <cstring>
#include <memory>
#include <vector>

#include "guarded.h"
#include "module.h"
#include "operations.h"

namespace lilaw::addon {
namespace {

/** What went wrong, kept where it happened: `lilaw_last_error` belongs to a thread. */
struct Failure {
  lilaw_status status = LILAW_OK;
  std::string message;
};

template <class Operation>
Failure run(const Operation& operation) {
  const lilaw_status status = operation.run();
  return status == LILAW_OK ? Failure{} : Failure{status, lilaw_last_error()};
}

Napi::Error error_of(Napi::Env env, const Failure& failure) {
  return error(env, lilaw_status_text(failure.status), failure.message);
}

template <class Operation>
void call(HostArguments& arguments) {
  Operation operation;
  operation.read(arguments);
  const Failure failure = run(operation);
  if (failure.status != LILAW_OK) throw error_of(arguments.env(), failure);
}

/**
 * An operation on a thread of libuv. It owns copies of all arrays: JavaScript may transfer, detach or overwrite its
 * own meanwhile. The outputs are copied back at the end, on the thread of JavaScript, if they are still there.
 */
template <class Operation>
class Promised : public Napi::AsyncWorker {
 public:
  static Napi::Value start(napi_env env, napi_callback_info info) {
    HostArguments arguments(env, info);
    auto promised = std::make_unique<Promised>(arguments);
    const Napi::Promise promise = promised->deferred_.Promise();
    promised->Queue();
    // From here on it deletes itself when it is done.
    promised.release();
    return promise;
  }

  explicit Promised(HostArguments& arguments)
      : Napi::AsyncWorker(arguments.env(), Operation::kName),
        deferred_(Napi::Promise::Deferred::New(arguments.env())) {
    operation_.read(arguments);
    for (const ArrayUse& use : arguments) {
      // As doubles, for their alignment.
      std::vector<double> copy((use.bytes + sizeof(double) - 1) / sizeof(double));
      if (use.is_output) {
        Output output = {use.name, copy.data(), use.bytes, {}};
        output.array.Reset(Napi::Object(arguments.env(), use.value), 1);
        outputs_.push_back(std::move(output));
      } else {
        std::memcpy(copy.data(), *use.pointer, use.bytes);
      }
      *use.pointer = copy.data();
      copies_.push_back(std::move(copy));
    }
  }

 protected:
  void Execute() override { failure_ = run(operation_); }

  void OnOK() override {
    const Napi::Env env = Env();
    if (failure_.status != LILAW_OK) return deferred_.Reject(error_of(env, failure_).Value());
    for (const Output& output : outputs_) {
      if (bytes_of(env, output.array.Value()).length == output.bytes) continue;
      const std::string message = std::string("Expected an array that stays attached for ") + output.name +
                                  " but received one that was detached during the call";
      return deferred_.Reject(error(env, "INVALID_ARGUMENT", message).Value());
    }
    for (const Output& output : outputs_) {
      if (output.bytes > 0) std::memcpy(bytes_of(env, output.array.Value()).data, output.data, output.bytes);
    }
    deferred_.Resolve(env.Undefined());
  }

 private:
  struct Output {
    const char* name;
    const void* data;
    std::size_t bytes;
    Napi::ObjectReference array;
  };

  Operation operation_;
  Napi::Promise::Deferred deferred_;
  std::vector<std::vector<double>> copies_;
  std::vector<Output> outputs_;
  Failure failure_;
};

template <class Operation>
napi_value promise(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value { return Promised<Operation>::start(env, info); });
}

template <class Operation>
void define(Napi::Object exports) {
  const std::string name = Operation::kName;
  set(exports, name, method<call<Operation>>);
  set(exports, name + "Async", promise<Operation>);
}

}  // namespace

void define_operations(Napi::Object exports) {
  define<WeightedLoss>(exports);
  define<MetaGradient>(exports);
  define<AlignmentWeights>(exports);
}

}  // namespace lilaw::addon
