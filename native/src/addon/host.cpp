/** The operations on host memory. */
#include "guarded.h"
#include "module.h"
#include "operations.h"

namespace lilaw::addon {
namespace {

template <class Operation>
void call(HostArguments& arguments) {
  Operation operation;
  operation.read(arguments);
  arguments.check_apart();
  check(arguments.env(), operation.run());
}

template <class Operation>
void define(Napi::Object exports) {
  set(exports, Operation::kName, method<call<Operation>>);
}

}  // namespace

void define_operations(Napi::Object exports) {
  define<WeightedLoss>(exports);
  define<MetaGradient>(exports);
  define<AlignmentWeights>(exports);
}

}  // namespace lilaw::addon
