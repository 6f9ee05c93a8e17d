/** Reads the arguments of the operations, with arrays on the host or on the device. */
#include "operations.h"

#include <algorithm>

#include "../math/loss_traits.h"

namespace lilaw::addon {
namespace {

LabelType label_type(const lilaw_loss& loss) { return loss.kind < 0 ? LabelType::kClass : traits_of(loss).label; }

/** A loss: its kind, or an array of its kind and its parameters. */
lilaw_loss read_loss(Arguments& arguments) {
  double values[1 + LILAW_LOSS_PARAMETERS] = {};
  arguments.numbers("loss", values, 1 + LILAW_LOSS_PARAMETERS);
  lilaw_loss loss{};
  // No kind is -1: the operation refuses a number that is not one of a loss.
  loss.kind = 0 <= values[0] && values[0] < kLossCount ? static_cast<std::int32_t>(values[0]) : -1;
  std::copy_n(values + 1, LILAW_LOSS_PARAMETERS, loss.parameters);
  return loss;
}

/**
 * rows, classes, loss; then the arrays of a batch. Strides are those of dense arrays, since
 * arrays of JavaScript are dense.
 */
void read_batch(Arguments& arguments, lilaw_batch& batch) {
  batch.rows = arguments.integer("rows");
  batch.classes = arguments.integer("classes");
  // Their product is the length of an array, which in JavaScript is below 2^53.
  constexpr std::int64_t kMost = INT64_C(1) << 31;
  if (batch.rows < 1 || batch.classes < 1 || batch.rows > kMost || batch.classes > kMost) {
    throw unexpected(arguments.env(), "INVALID_ARGUMENT", "integers from 1 to 2^31", "rows and classes",
                     std::to_string(batch.rows) + " and " + std::to_string(batch.classes));
  }
  batch.loss = read_loss(arguments);
  batch.dtype = arguments.logits_type();
  batch.logits_stride = batch.labels_stride = batch.classes;

  const std::int64_t elements = batch.rows * batch.classes;
  arguments.array("logits", static_cast<Element>(batch.dtype), elements, false, false,
                  const_cast<void**>(&batch.logits));
  switch (label_type(batch.loss)) {
    case LabelType::kFlags:
      arguments.input("labels", elements, reinterpret_cast<const std::uint8_t**>(&batch.labels));
      break;
    case LabelType::kTarget:
      arguments.input("labels", batch.rows, reinterpret_cast<const float**>(&batch.labels));
      break;
    default:
      arguments.input("labels", batch.rows, reinterpret_cast<const std::int32_t**>(&batch.labels));
  }
  arguments.optional_input("transition", batch.classes * batch.classes, &batch.transition);
  batch.transition_stride = batch.classes;
}

/** A lilaw_params has the layout of three consecutive doubles. */
const double** as_doubles(const lilaw_params** params) { return reinterpret_cast<const double**>(params); }

/** Arguments that meta_gradient and meta_step share. */
void read_meta_gradient(Arguments& arguments, lilaw_meta_gradient_args& args) {
  read_batch(arguments, args.batch);
  arguments.input("params", 3, as_doubles(&args.params));
  arguments.optional_input("coefficients", args.batch.rows, &args.coefficients);
  arguments.result(&args.result);
}

lilaw_params read_scalars(Arguments& arguments, const char* name) {
  const double alpha = arguments.number(name);
  const double beta = arguments.number(name);
  return {alpha, beta, arguments.number(name)};
}

}  // namespace

void WeightedLoss::read(Arguments& arguments) {
  read_batch(arguments, args.batch);
  const std::int64_t rows = args.batch.rows;
  args.grad_stride = args.batch.classes;
  arguments.optional_input("params", 3, as_doubles(&args.params));
  args.gradient = static_cast<std::int32_t>(arguments.integer("gradient"));
  args.normalize = static_cast<std::int32_t>(arguments.integer("normalize"));
  arguments.optional_input("sampleWeights", rows, &args.sample_weights);
  arguments.optional_output("losses", rows, &args.losses);
  arguments.optional_output("weights", rows, &args.weights);
  arguments.optional_output("labelProbs", rows, &args.label_probs);
  arguments.optional_output("maxProbs", rows, &args.max_probs);
  arguments.optional_output("predictions", rows, &args.predictions);
  arguments.optional_output("terms.alpha", rows, &args.term_alpha);
  arguments.optional_output("terms.beta", rows, &args.term_beta);
  arguments.optional_output("terms.delta", rows, &args.term_delta);
  arguments.array("gradLogits", static_cast<Element>(args.batch.dtype), rows * args.batch.classes, true, true,
                  &args.grad_logits);
  arguments.result(&args.result);
}

void MetaGradient::read(Arguments& arguments) { read_meta_gradient(arguments, args); }

void MetaStep::read(Arguments& arguments) {
  read_meta_gradient(arguments, args.meta_gradient);
  args.params = const_cast<lilaw_params*>(args.meta_gradient.params);
  args.learning_rate = read_scalars(arguments, "learningRate");
  args.weight_decay = read_scalars(arguments, "weightDecay");
  args.clamp = arguments.integer("clamp") != 0;
}

void AlignmentWeights::read(Arguments& arguments) {
  read_batch(arguments, args.batch);
  args.tangents_stride = args.batch.classes;
  arguments.array("tangents", static_cast<Element>(args.batch.dtype), args.batch.rows * args.batch.classes, false,
                  false, const_cast<void**>(&args.tangents));
  arguments.optional_output("alignments", args.batch.rows, &args.alignments);
  arguments.optional_output("weights", args.batch.rows, &args.weights);
  arguments.result(&args.result);
}

}  // namespace lilaw::addon
