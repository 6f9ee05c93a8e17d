#include "arguments.h"

#include "../math/loss_traits.h"

#include <cinttypes>
#include <cmath>
#include <initializer_list>

namespace lilaw {
namespace {

lilaw_status check_pointer(const void* pointer, const char* name) {
  return pointer != nullptr ? LILAW_OK
                            : fail(LILAW_INVALID_ARGUMENT, "Expected a pointer for %s but received NULL", name);
}

lilaw_status check_range(std::int64_t value, std::int64_t least, std::int64_t most, const char* name) {
  if (least <= value && value <= most) return LILAW_OK;
  return fail(LILAW_INVALID_ARGUMENT,
              "Expected an integer from %" PRId64 " to %" PRId64 " for %s but received %" PRId64, least, most,
              name, value);
}

/** A stride must be at least the length of a row, and no address offset of the array may exceed 63 bits. */
lilaw_status check_stride(std::int64_t stride, const lilaw_batch& batch, const char* name) {
  const std::int64_t most = INT64_MAX / 16 / batch.rows;
  return check_range(stride, batch.classes, most, name);
}

bool holds(const ParameterTraits& range, double x) {
  return std::isfinite(x) && (range.with_least ? x >= range.least : x > range.least) &&
         (range.with_most ? x <= range.most : x < range.most);
}

lilaw_status check_loss(const lilaw_loss& loss) {
  LILAW_TRY(check_range(loss.kind, 0, kLossCount - 1, "loss.kind"));
  const LossTraits& traits = traits_of(loss);
  for (std::int32_t i = 0; i < traits.parameter_count; i++) {
    const ParameterTraits& parameter = traits.parameters[i];
    if (holds(parameter, loss.parameters[i])) continue;
    return fail(LILAW_INVALID_ARGUMENT, "Expected %s for %s but received %g", parameter.range, parameter.name,
                loss.parameters[i]);
  }
  return LILAW_OK;
}

lilaw_status check_batch(const lilaw_batch& batch) {
  LILAW_TRY(check_pointer(batch.logits, "logits"));
  LILAW_TRY(check_pointer(batch.labels, "labels"));
  LILAW_TRY(check_range(batch.dtype, LILAW_FLOAT32, LILAW_BFLOAT16, "dtype"));
  LILAW_TRY(check_loss(batch.loss));
  LILAW_TRY(check_range(batch.rows, 1, INT64_MAX / 16, "rows"));
  // Class indices are int32.
  const LossTraits& traits = traits_of(batch.loss);
  LILAW_TRY(check_range(batch.classes, 1, has_one_logit(traits.label) ? 1 : INT32_MAX - 64, "classes"));
  LILAW_TRY(check_stride(batch.logits_stride, batch, "logits_stride"));
  if (traits.label == LabelType::kFlags) LILAW_TRY(check_stride(batch.labels_stride, batch, "labels_stride"));
  if (batch.transition == nullptr) return LILAW_OK;
  if (!traits.of_label_prob) {
    return fail(LILAW_INVALID_ARGUMENT, "Expected NULL for transition (the loss is %s) but received a pointer", traits.name);
  }
  // The matrix has as many rows as classes.
  return check_range(batch.transition_stride, batch.classes, INT64_MAX / 16 / batch.classes, "transition_stride");
}

lilaw_status check_rates(const lilaw_params& rates, const char* name) {
  for (const double x : {rates.alpha, rates.beta, rates.delta}) {
    if (x >= 0 && std::isfinite(x)) continue;
    return fail(LILAW_INVALID_ARGUMENT, "Expected a finite number of at least 0 for %s but received %g", name, x);
  }
  return LILAW_OK;
}

}  // namespace

lilaw_status check(const lilaw_weighted_loss_args* args) {
  LILAW_TRY(check_pointer(args, "args"));
  LILAW_TRY(check_batch(args->batch));
  LILAW_TRY(check_range(args->gradient, LILAW_FULL, LILAW_DETACHED, "gradient"));
  LILAW_TRY(check_range(args->normalize, LILAW_NONE, LILAW_BATCH_MEAN, "normalize"));
  LILAW_TRY(check_pointer(args->result, "result"));
  const bool terms = args->term_alpha != nullptr || args->term_beta != nullptr || args->term_delta != nullptr;
  if (terms) LILAW_TRY(check_pointer(args->params, "params (a term was asked for)"));
  if (args->grad_logits == nullptr) return LILAW_OK;
  LILAW_TRY(check_stride(args->grad_stride, args->batch, "grad_stride"));
  if (args->grad_logits == args->batch.logits && args->grad_stride != args->batch.logits_stride) {
    return fail(LILAW_INVALID_ARGUMENT,
                "Expected the stride of the logits for grad_stride (in place) but received %" PRId64,
                args->grad_stride);
  }
  return LILAW_OK;
}

lilaw_status check(const lilaw_meta_gradient_args* args) {
  LILAW_TRY(check_pointer(args, "args"));
  LILAW_TRY(check_batch(args->batch));
  LILAW_TRY(check_pointer(args->params, "params"));
  return check_pointer(args->result, "result");
}

lilaw_status check(const lilaw_meta_step_args* args) {
  LILAW_TRY(check_pointer(args, "args"));
  LILAW_TRY(check(&args->meta_gradient));
  if (args->params != args->meta_gradient.params) {
    return fail(LILAW_INVALID_ARGUMENT, "Expected the params of meta_gradient for params but received others");
  }
  LILAW_TRY(check_rates(args->learning_rate, "learning_rate"));
  return check_rates(args->weight_decay, "weight_decay");
}

lilaw_status check(const lilaw_alignment_weights_args* args) {
  LILAW_TRY(check_pointer(args, "args"));
  LILAW_TRY(check_batch(args->batch));
  LILAW_TRY(check_pointer(args->tangents, "tangents"));
  LILAW_TRY(check_stride(args->tangents_stride, args->batch, "tangents_stride"));
  return check_pointer(args->result, "result");
}

}  // namespace lilaw
