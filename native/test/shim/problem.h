/** Batches for the tests of the kernels, with all outputs. */
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "../../src/math/loss_traits.h"
#include "lilaw.h"

template <class T>
struct Dtype;
template <>
struct Dtype<float> {
  static constexpr lilaw_dtype kName = LILAW_FLOAT32;
  static float get(float x) { return x; }
  static float put(float x) { return x; }
};
template <>
struct Dtype<__half> {
  static constexpr lilaw_dtype kName = LILAW_FLOAT16;
  static float get(__half x) { return __half2float(x); }
  static __half put(float x) { return __float2half_rn(x); }
};
template <>
struct Dtype<__nv_bfloat16> {
  static constexpr lilaw_dtype kName = LILAW_BFLOAT16;
  static float get(__nv_bfloat16 x) { return __bfloat162float(x); }
  static __nv_bfloat16 put(float x) { return __float2bfloat16_rn(x); }
};

/** An array whose first element is `offset` elements after a multiple of 256 bytes. */
template <class T>
class Array {
 public:
  Array(std::size_t count, std::size_t offset) : memory_(count + offset + 256 / sizeof(T) + 1), count_(count) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    first_ = (256 - address % 256) % 256 / sizeof(T) + offset;
  }
  T* data() { return memory_.data() + first_; }
  T& operator[](std::size_t i) { return memory_[first_ + i]; }
  std::size_t size() const { return count_; }

 private:
  std::vector<T> memory_;
  std::size_t count_;
  std::size_t first_;
};

constexpr float kPoison = -12345;

/** A batch of T with random logits, and memory for all results. */
template <class T>
struct Problem {
  std::int64_t rows;
  std::int64_t classes;
  std::int64_t stride;
  lilaw_loss loss;
  /** [classes, transition_stride] by observed labels, or empty */
  std::vector<float> transition;
  std::int64_t transition_stride = 0;
  lilaw_params params = {10, 2, 6};
  Array<T> logits;
  Array<T> tangents;
  Array<T> grad;
  std::vector<std::int32_t> labels;
  std::vector<std::uint8_t> observed;
  std::vector<float> targets;
  std::vector<float> losses, weights, label_probs, max_probs, alpha, beta, delta, alignments, row_weights;
  std::vector<std::int32_t> predictions;
  std::vector<unsigned char> workspace;

  Problem(std::int64_t rows_, std::int64_t classes_, lilaw_loss loss_, std::mt19937& random, int padding = 0,
          int offset = 0, double width = 2)
      : rows(rows_), classes(classes_), stride(classes_ + padding), loss(loss_), logits(size(), offset),
        tangents(size(), offset), grad(size(), offset), labels(rows_), observed(size()), targets(rows_),
        losses(rows_), weights(rows_), label_probs(rows_), max_probs(rows_), alpha(rows_), beta(rows_),
        delta(rows_), alignments(rows_), row_weights(rows_), predictions(rows_),
        workspace(lilaw_cuda_workspace_bytes(rows_), 0xab) {
    std::normal_distribution<double> normal(0, width);
    for (std::size_t i = 0; i < size(); i++) {
      logits[i] = Dtype<T>::put(static_cast<float>(normal(random)));
      tangents[i] = Dtype<T>::put(static_cast<float>(normal(random)));
      grad[i] = Dtype<T>::put(kPoison);
      observed[i] = random() % 5 == 0;
    }
    const auto choices = static_cast<std::uint32_t>(loss.kind == LILAW_BINARY ? 2 : classes);
    for (auto& label : labels) label = static_cast<std::int32_t>(random() % choices);
    for (auto& target : targets) target = static_cast<float>(normal(random));
  }

  std::size_t size() const { return static_cast<std::size_t>(rows * stride); }
  double logit(std::int64_t row, std::int64_t k) { return Dtype<T>::get(logits[row * stride + k]); }

  /** Gives the batch a transition matrix by observed labels, [classes, classes]. */
  void set_transition(const std::vector<float>& by_label, std::int64_t padding = 0) {
    transition_stride = classes + padding;
    transition.assign(static_cast<std::size_t>(classes * transition_stride), kPoison);
    for (std::int64_t y = 0; y < classes; y++) {
      std::copy_n(&by_label[static_cast<std::size_t>(y * classes)], classes,
                  &transition[static_cast<std::size_t>(y * transition_stride)]);
    }
  }

  lilaw_batch batch() {
    const void* of_loss = loss.kind == LILAW_MULTI_LABEL  ? static_cast<const void*>(observed.data())
                          : loss.kind == LILAW_REGRESSION ? static_cast<const void*>(targets.data())
                                                          : static_cast<const void*>(labels.data());
    return {logits.data(), rows,   classes, stride, Dtype<T>::kName,
            of_loss,       stride, loss,    transition.empty() ? nullptr : transition.data(), transition_stride};
  }

  lilaw_status weighted_loss(lilaw_weighted_loss_result& result, bool in_place = false,
                             lilaw_gradient_mode gradient = LILAW_FULL, lilaw_normalize normalize = LILAW_NONE) {
    lilaw_weighted_loss_args args = {};
    args.batch = batch();
    args.params = &params;
    args.gradient = gradient;
    args.normalize = normalize;
    args.losses = losses.data();
    args.weights = weights.data();
    args.label_probs = label_probs.data();
    args.max_probs = max_probs.data();
    args.predictions = predictions.data();
    args.term_alpha = alpha.data();
    args.term_beta = beta.data();
    args.term_delta = delta.data();
    args.grad_logits = in_place ? logits.data() : grad.data();
    args.grad_stride = stride;
    args.result = &result;
    return lilaw_weighted_loss_cuda(&args, workspace.data(), nullptr);
  }

  lilaw_status meta_step(lilaw_meta_gradient_result& result) {
    lilaw_meta_step_args args = {{batch(), &params, nullptr, &result}, &params, {0.5, 0.5, 0.5}, {0.1, 0.1, 0.1}, 0};
    return lilaw_meta_step_cuda(&args, workspace.data(), nullptr);
  }

  lilaw_status alignment_weights(lilaw_alignment_weights_result& result) {
    lilaw_alignment_weights_args args = {batch(), tangents.data(), stride, alignments.data(), row_weights.data(),
                                         &result};
    return lilaw_alignment_weights_cuda(&args, workspace.data(), nullptr);
  }
};

/** A number in the range of a parameter, not close to its limits. */
inline double number_in(const lilaw::ParameterTraits& range) {
  const bool bounded_below = range.least > -lilaw::kUnbounded;
  const bool bounded_above = range.most < lilaw::kUnbounded;
  if (bounded_below && bounded_above) return (range.least + range.most) / 2;
  return bounded_below ? range.least + 2 : range.most - 4;
}

/** Every loss of the table, with parameters in their ranges. */
inline std::vector<lilaw_loss> every_loss() {
  std::vector<lilaw_loss> all;
  for (const lilaw::LossTraits& traits : lilaw::kLosses) {
    lilaw_loss loss = {traits.kind, {}};
    for (int i = 0; i < traits.parameter_count; i++) loss.parameters[i] = number_in(traits.parameters[i]);
    all.push_back(loss);
  }
  return all;
}

inline bool has_one_logit(const lilaw_loss& loss) { return lilaw::has_one_logit(lilaw::traits_of(loss).label); }
inline bool of_label_prob(const lilaw_loss& loss) { return lilaw::traits_of(loss).of_label_prob; }
inline bool has_class_labels(const lilaw_loss& loss) {
  return lilaw::traits_of(loss).label == lilaw::LabelType::kClass;
}

/**
 * A transition matrix by observed labels of the entries `of(true class, label)`, scaled so that each true class sums to
 * 1.
 */
template <class Of>
std::vector<float> transition_of(std::int64_t classes, Of of) {
  std::vector<float> by_label(static_cast<std::size_t>(classes * classes));
  std::vector<double> row(static_cast<std::size_t>(classes));
  for (std::int64_t k = 0; k < classes; k++) {
    double sum = 0;
    for (std::int64_t y = 0; y < classes; y++) sum += row[static_cast<std::size_t>(y)] = classes == 1 ? 1 : of(k, y);
    for (std::int64_t y = 0; y < classes; y++) {
      by_label[static_cast<std::size_t>(y * classes + k)] = static_cast<float>(row[static_cast<std::size_t>(y)] / sum);
    }
  }
  return by_label;
}

constexpr const char* kTransitions[] = {"identity", "symmetric", "pair flip", "one class", "any", "sparse"};

/** A transition matrix of one of these kinds. */
inline std::vector<float> transition_named(const std::string& name, std::int64_t classes, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(0, 1);
  const double others = 0.4 / static_cast<double>(classes - 1);
  return transition_of(classes, [&](std::int64_t k, std::int64_t y) -> double {
    if (name == "identity") return k == y ? 1 : 0;
    if (name == "symmetric") return k == y ? 0.6 : others;
    if (name == "pair flip") return k == y ? 0.6 : y == (k + 1) % classes ? 0.4 : 0;
    if (name == "one class") return y == 0 ? (k == 0 ? 1 : 0.4) : y == k ? 0.6 : 0;
    if (name == "any") return uniform(random) + (k == y ? static_cast<double>(classes) : 0);
    return k == y ? 1e-12 : uniform(random) < 0.2 ? std::pow(uniform(random), 9) : 0;
  });
}
