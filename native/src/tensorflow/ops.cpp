/**
 * The operations as TensorFlow ops: the CPU kernels of this library on TensorFlow's own memory, without a copy.
 *
 * All other arguments of a call are in one more tensor, `settings`: every attribute would cost the caller more than
 * that whole tensor, and TensorFlow keeps a kernel for each set of attribute values. Only the numbers of tensors are
 * attributes.
 */
#include <dlfcn.h>

#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "c_api.h"
#include "../math/loss_traits.h"
#include "lilaw.h"
#include "register.h"
#include "settings.h"

namespace lilaw::tensorflow {
namespace {

CApi tf;

struct StatusDeleter {
  void operator()(TF_Status* status) const { tf.TF_DeleteStatus(status); }
};
struct TensorDeleter {
  void operator()(TF_Tensor* tensor) const { tf.TF_DeleteTensor(tensor); }
};
using Status = std::unique_ptr<TF_Status, StatusDeleter>;
using Tensor = std::unique_ptr<TF_Tensor, TensorDeleter>;

/** Exception that ends a compute function; TensorFlow gets its message. */
struct Failure {
  int code;
  std::string message;
};

void check(const Status& status) {
  if (tf.TF_GetCode(status.get()) != kOk) throw Failure{tf.TF_GetCode(status.get()), tf.TF_Message(status.get())};
}

void require(bool holds, const char* message) {
  if (!holds) throw Failure{kInvalidArgument, message};
}

/** Inputs and outputs of one call. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(tf.TF_NewStatus()) {}

  int inputs() const { return tf.TF_NumInputs(context_); }

  Tensor input(int index) {
    TF_Tensor* tensor = nullptr;
    tf.TF_GetInput(context_, index, &tensor, status_.get());
    check(status_);
    return Tensor(tensor);
  }

  /** Memory of output `index`, which TensorFlow keeps alive until the call has ended. */
  float* output(int index, std::initializer_list<std::int64_t> shape) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    const int rank = static_cast<int>(shape.size());
    Tensor tensor(
        tf.TF_AllocateOutput(context_, index, kFloat, shape.begin(), rank, count * sizeof(float), status_.get()));
    check(status_);
    outputs_.push_back(std::move(tensor));
    return static_cast<float*>(tf.TF_TensorData(outputs_.back().get()));
  }

 private:
  TF_OpKernelContext* context_;
  Status status_;
  std::vector<Tensor> outputs_;
};

template <class T>
const T* data(const Tensor& tensor) {
  return static_cast<const T*>(tf.TF_TensorData(tensor.get()));
}

double number(const Tensor& settings, int at) {
  const float* values = data<float>(settings) + at;
  return static_cast<double>(values[0]) + static_cast<double>(values[1]);
}

/** A setting that is a small number, such as a loss kind; -1 if the value is out of range. */
std::int32_t choice(const Tensor& settings, Setting at) {
  const float value = data<float>(settings)[at];
  return 0 <= value && value < 65536 ? static_cast<std::int32_t>(value) : -1;
}

void split(double value, float* high_low) {
  high_low[0] = static_cast<float>(value);
  high_low[1] = static_cast<float>(value - static_cast<double>(high_low[0]));
}

/** The inputs common to all ops, read and checked. */
struct BatchInputs {
  Tensor logits;
  Tensor labels;
  Tensor settings;
  Tensor transition;
  std::vector<std::uint8_t> flags;
  lilaw_batch batch{};
  lilaw_params params{};

  BatchInputs(Call& call, int labels_at)
      : logits(call.input(0)), labels(call.input(labels_at)), settings(call.input(labels_at + 1)) {
    require(tf.TF_NumDims(logits.get()) == 2, "Expected a tensor [rows, classes] for logits");
    require(tf.TF_TensorElementCount(settings.get()) == kSettings, "Expected all values for settings");
    const std::int32_t loss = choice(settings, kLoss);
    batch.logits = data<float>(logits);
    batch.rows = tf.TF_Dim(logits.get(), 0);
    batch.classes = tf.TF_Dim(logits.get(), 1);
    batch.logits_stride = batch.classes;
    batch.labels_stride = batch.classes;
    require(0 <= loss && loss < kLossCount, "Expected a loss that there is for settings");
    batch.loss.kind = loss;
    for (int i = 0; i < LILAW_LOSS_PARAMETERS; i++) batch.loss.parameters[i] = number(settings, kParameters + 2 * i);
    const LabelType type = traits_of(batch.loss).label;
    const bool per_class = type == LabelType::kFlags;
    const std::int64_t expected = per_class ? batch.rows * batch.classes : batch.rows;
    require(tf.TF_TensorElementCount(labels.get()) == expected, "Expected labels that fit the logits");
    const bool real = per_class || type == LabelType::kTarget;
    require(tf.TF_TensorType(labels.get()) == (real ? kFloat : kInt32),
            "Expected int32 labels, or float ones for multi-label and regression");
    batch.labels = per_class ? as_bytes(expected) : tf.TF_TensorData(labels.get());
    params = {number(settings, kAlpha), number(settings, kBeta), number(settings, kDelta)};
    if (choice(settings, kTransition) != 0) read_transition(call);
  }

  /** Whether there is an input `index` before the transition matrix, which is the last one. */
  bool has_input(const Call& call, int index) const { return call.inputs() - (transition != nullptr ? 1 : 0) > index; }

 private:
  void read_transition(Call& call) {
    transition = call.input(call.inputs() - 1);
    require(tf.TF_TensorElementCount(transition.get()) == batch.classes * batch.classes,
            "Expected a number for each two classes for transition");
    batch.transition = data<float>(transition);
    batch.transition_stride = batch.classes;
  }

  /** Labels as bytes, a type that tfjs lacks. A label that is not 0 or 1 becomes a byte that the library refuses. */
  const std::uint8_t* as_bytes(std::int64_t count) {
    flags.resize(static_cast<std::size_t>(count));
    const float* values = data<float>(labels);
    for (std::int64_t i = 0; i < count; i++) {
      const float value = values[i];
      flags[i] = value == 0 ? 0 : value == 1 ? 1 : 2;
    }
    return flags.data();
  }
};

/** Input 3, which may be absent: one number for each row. */
class OptionalInput {
 public:
  OptionalInput(Call& call, const BatchInputs& in, const char* message)
      : tensor_(in.has_input(call, 3) ? call.input(3) : nullptr) {
    require(tensor_ == nullptr || tf.TF_TensorElementCount(tensor_.get()) == in.batch.rows, message);
  }

  const float* values() const { return tensor_ == nullptr ? nullptr : data<float>(tensor_); }

 private:
  Tensor tensor_;
};

void succeed(lilaw_status status) {
  if (status == LILAW_OK) return;
  const bool users = status == LILAW_INVALID_ARGUMENT || status == LILAW_LABEL_OUT_OF_RANGE;
  throw Failure{users ? kInvalidArgument : kInternal, lilaw_last_error()};
}

void weighted_loss(Call& call) {
  BatchInputs in(call, 1);
  const std::int64_t rows = in.batch.rows;
  const OptionalInput sample_weights(call, in, "Expected a weight a row for sample_weights");
  const std::int32_t row_mask = choice(in.settings, kRowMask);
  require(0 <= row_mask && row_mask < 1 << kRowValues, "Expected bits of the row values for the row mask");

  lilaw_weighted_loss_result result{};
  lilaw_weighted_loss_args args{};
  args.batch = in.batch;
  args.params = choice(in.settings, kWeighted) ? &in.params : nullptr;
  args.gradient = choice(in.settings, kGradient);
  args.normalize = choice(in.settings, kNormalize);
  args.sample_weights = sample_weights.values();
  args.result = &result;

  float* objective = call.output(0, {});
  args.grad_logits = call.output(1, {rows, in.batch.classes});
  args.grad_stride = in.batch.classes;
  const int wanted = __builtin_popcount(static_cast<unsigned>(row_mask));
  float* row_values = wanted > 0 ? call.output(2, {wanted, rows}) : nullptr;
  float* at[kRowValues] = {};
  for (int i = 0, taken = 0; i < kRowValues; i++) {
    if (row_mask >> i & 1) at[i] = row_values + rows * taken++;
  }
  std::vector<std::int32_t> predictions(at[kPredictions] ? rows : 0);
  args.losses = at[kLosses];
  args.weights = at[kWeights];
  args.label_probs = at[kLabelProbs];
  args.max_probs = at[kMaxProbs];
  args.predictions = at[kPredictions] ? predictions.data() : nullptr;
  args.term_alpha = at[kTermAlpha];
  args.term_beta = at[kTermBeta];
  args.term_delta = at[kTermDelta];
  succeed(lilaw_weighted_loss_cpu(&args));

  *objective = static_cast<float>(result.objective);
  for (std::size_t i = 0; i < predictions.size(); i++) at[kPredictions][i] = static_cast<float>(predictions[i]);
}

void meta_gradient(Call& call) {
  BatchInputs in(call, 1);
  const OptionalInput coefficients(call, in, "Expected a number a row for coefficients");
  lilaw_meta_gradient_result result{};
  lilaw_meta_gradient_args args{};
  args.batch = in.batch;
  args.params = &in.params;
  args.coefficients = coefficients.values();
  args.result = &result;
  succeed(lilaw_meta_gradient_cpu(&args));

  float* values = call.output(0, {5, 2});
  split(result.gradient.alpha, values);
  split(result.gradient.beta, values + 2);
  split(result.gradient.delta, values + 4);
  split(result.objective, values + 6);
  split(static_cast<double>(result.non_finite_rows), values + 8);
}

void alignment_weights(Call& call) {
  BatchInputs in(call, 2);
  const Tensor tangents = call.input(1);
  const std::int64_t count = in.batch.rows * in.batch.classes;
  require(tf.TF_TensorElementCount(tangents.get()) == count, "Expected tangents of the shape of the logits");
  lilaw_alignment_weights_result result{};
  lilaw_alignment_weights_args args{};
  args.batch = in.batch;
  args.tangents = data<float>(tangents);
  args.tangents_stride = in.batch.classes;
  args.alignments = call.output(0, {in.batch.rows});
  args.weights = call.output(1, {in.batch.rows});
  args.result = &result;
  succeed(lilaw_alignment_weights_cpu(&args));
}

/** An op as registered: its numbers of tensors, which default to 0, and its tensors; T is the type of its labels. */
struct Op {
  const char* name;
  std::vector<const char*> counts;
  std::vector<const char*> inputs;
  std::vector<const char*> outputs;
  void (*compute)(Call&);
};

const Op ops[] = {
    {"LilawWeightedLoss",
     {"weight_tensors: int >= 0 = 0", "transition_tensors: int >= 0 = 0", "row_tensors: int >= 0 = 0"},
     {"logits: float", "labels: T", "settings: float", "sample_weights: weight_tensors * float",
      "transition: transition_tensors * float"},
     {"objective: float", "grad_logits: float", "row_values: row_tensors * float"},
     weighted_loss},
    {"LilawMetaGradient",
     {"coefficient_tensors: int >= 0 = 0", "transition_tensors: int >= 0 = 0"},
     {"logits: float", "labels: T", "settings: float", "coefficients: coefficient_tensors * float",
      "transition: transition_tensors * float"},
     {"values: float"},
     meta_gradient},
    {"LilawAlignmentWeights",
     {"transition_tensors: int >= 0 = 0"},
     {"logits: float", "tangents: float", "labels: T", "settings: float", "transition: transition_tensors * float"},
     {"alignments: float", "weights: float"},
     alignment_weights},
};

/** Compute function of op `Index`. A template, since TensorFlow passes no pointer that could identify the op. */
template <int Index>
void compute(void*, TF_OpKernelContext* context) noexcept {
  const auto fail = [&](int code, const char* message) {
    const Status status(tf.TF_NewStatus());
    tf.TF_SetStatus(status.get(), code, message);
    tf.TF_OpKernelContext_Failure(context, status.get());
  };
  // The callers are C functions, so no exception may leave this function.
  try {
    Call call(context);
    ops[Index].compute(call);
  } catch (const Failure& failure) {
    fail(failure.code, failure.message.c_str());
  } catch (const std::exception&) {
    // The standard library has no other reason to throw here.
    fail(kResourceExhausted, "Expected memory for an operation but received none");
  }
}

void register_definition(const Op& op, const Status& status) {
  TF_OpDefinitionBuilder* builder = tf.TF_NewOpDefinitionBuilder(op.name);
  tf.TF_OpDefinitionBuilderAddAttr(builder, "T: {int32, float}");
  for (const char* count : op.counts) tf.TF_OpDefinitionBuilderAddAttr(builder, count);
  for (const char* input : op.inputs) tf.TF_OpDefinitionBuilderAddInput(builder, input);
  for (const char* output : op.outputs) tf.TF_OpDefinitionBuilderAddOutput(builder, output);
  tf.TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, tf.TF_ShapeInferenceContextSetUnknownShape);
  tf.TF_RegisterOpDefinition(builder, status.get()); // which deletes the builder
  check(status);
}

template <int Index>
void register_op(const Status& status) {
  register_definition(ops[Index], status);
  TF_KernelBuilder* builder = tf.TF_NewKernelBuilder(ops[Index].name, "CPU", nullptr, compute<Index>, nullptr);
  tf.TF_RegisterKernelBuilder(ops[Index].name, builder, status.get());
  check(status);
}

/** The library that tfjs-node has loaded; never one that is not loaded yet. */
void* loaded_library() {
  for (const char* name : {"libtensorflow_framework.so.2", "libtensorflow_framework.2.dylib", "libtensorflow.so.2"}) {
    if (void* library = dlopen(name, RTLD_NOW | RTLD_NOLOAD)) return library;
  }
  return nullptr;
}

std::string register_all(void* library) {
#define LILAW_FIND(result, name, parameters)                              \
  tf.name = reinterpret_cast<result(*) parameters>(dlsym(library, #name)); \
  if (tf.name == nullptr) return "this TensorFlow has no " #name;
  LILAW_TENSORFLOW_FUNCTIONS(LILAW_FIND)
#undef LILAW_FIND
  try {
    const Status status(tf.TF_NewStatus());
    register_op<0>(status);
    register_op<1>(status);
    register_op<2>(status);
    return "";
  } catch (const Failure& failure) {
    return failure.message;
  }
}

}  // namespace

std::string register_ops() {
  // A process may load TensorFlow later, so only an answer that cannot change is kept.
  static std::mutex mutex;
  static bool tried = false;
  static std::string reason;
  const std::lock_guard<std::mutex> lock(mutex);
  if (tried) return reason;
  void* library = loaded_library();
  if (library == nullptr) return "no TensorFlow is loaded in this process";
  // Once only, even if memory runs out meanwhile: TensorFlow ends the process if a name is registered twice.
  reason = "the ops are registered in part";
  tried = true;
  return reason = register_all(library);
}

}  // namespace lilaw::tensorflow
