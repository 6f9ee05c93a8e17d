/** Rows of the softmax losses: held in registers, or read twice if they are too long for that. */
#pragma once

#include "row_part.cuh"
#include "rows.cuh"

namespace lilaw::cuda {

/** Values of a row that all threads of its group have. */
struct RowExtent {
  Top top;
  /** sum over k != top of exp(z_k - max); NaN if a logit is not finite */
  double rest;
  /** sum of z_k - max, for label smoothing */
  float shifted_sum;
};

/** The label of a row and the logit of that class, read before any output is written. */
struct Label {
  std::int32_t index;
  float logit;
  bool valid;
};

template <class T>
__device__ __forceinline__ Label read_label(const DeviceBatch& batch, std::int64_t row) {
  if (row >= batch.batch.rows) return {0, 0, false};
  const std::int32_t index = static_cast<const std::int32_t*>(batch.batch.labels)[row];
  const bool valid = index >= 0 && index < batch.classes();
  return {valid ? index : 0, to_float(batch.logits<T>(row)[valid ? index : 0]), valid};
}

/** The scalars of one row, and its gradient from them. */
class SoftmaxScalars {
 public:
  __device__ __forceinline__ Measured measure(const DeviceBatch& batch, std::int64_t row, const Label& label,
                                              const RowExtent& extent) {
    const bool finite = extent.rest == extent.rest;
    const RowState state = state_of(row < batch.batch.rows, finite, label.valid);
    const bool good = state == RowState::kGood;
    kind_ = batch.softmax;
    rest_ = extent.rest;
    label_ = label.index;
    top_ = good ? extent.top.index : label.index;
    const SoftmaxStats<Reals> stats = {rest_, static_cast<double>(label.logit) - extent.top.value,
                                       extent.shifted_sum};
    loss_ = good ? softmax_loss<Reals>(stats, kind_) : no_loss();
    return {row, loss_, good ? top_ : -1, state, true};
  }

  __device__ __forceinline__ SoftmaxGradient<Scalar<float>> gradient(const Factors& by) const {
    const auto g = softmax_gradient<Reals>(loss_, by, rest_, label_ == top_, kind_);
    return {static_cast<float>(g.scale), static_cast<float>(g.offset), static_cast<float>(g.at_top),
            static_cast<float>(g.at_label)};
  }

  __device__ __forceinline__ std::int32_t label() const { return label_; }
  __device__ __forceinline__ std::int32_t top() const { return top_; }

 private:
  SoftmaxLoss kind_;
  Loss loss_;
  double rest_;
  std::int32_t label_;
  std::int32_t top_;
};

/**
 * Stores the two entries that differ from scale * exp + offset. The thread that has stored the vector of such an entry
 * stores the entry again, so the two writes need no barrier between them.
 */
template <class T, class Part>
__device__ __forceinline__ void store_exceptions(const Part& part, T* row, std::int32_t label, std::int32_t top,
                                                 float at_label, float at_top) {
  if (part.owns(top)) row[top] = from_float<T>(at_top);
  if (part.owns(label)) row[label] = from_float<T>(at_label);
}

/** The products of the two exceptional entries, or of one if they are the same. */
template <class T>
__device__ __forceinline__ double dot_exceptions(const T* row, std::int32_t label, std::int32_t top, float at_label,
                                                 float at_top) {
  const double by_label = static_cast<double>(at_label) * to_float(row[label]);
  return label == top ? by_label : by_label + static_cast<double>(at_top) * to_float(row[top]);
}

/** Rows of at most kThreads * kValues elements, read once. */
template <class T, int kThreads_, int kValues, int kRows_, int kBlock_>
class RegisterRows {
 public:
  using Element = T;
  static constexpr int kThreads = kThreads_;
  static constexpr int kRows = kRows_;
  static constexpr int kBlock = kBlock_;
  static_assert(kRows <= kThreads && (kRows == 1 || kThreads <= kWarp), "a lane for each row");

  __device__ __forceinline__ explicit RegisterRows(Group<kThreads>& group) : group_(group) {}

  __device__ __forceinline__ Measured measure(const DeviceBatch& batch, std::int64_t first) {
    rows_ = batch.batch.rows;
    classes_ = batch.classes();
    first_ = first;
    const Label label = read_label<T>(batch, mine());
    RowExtent extent = {kNothing, kNaN, 0};
    bool finite[kRows];
#pragma unroll
    for (int r = 0; r < kRows; r++) {
      // A group beyond the last row takes part in the reductions without values.
      const bool exists = first + r < rows_;
      finite[r] = parts_[r].load(batch.logits<T>(exists ? first + r : 0), exists ? classes_ : 0, 0, group_.rank());
    }
#pragma unroll
    for (int r = 0; r < kRows; r++) {
      const RowExtent all = extent_of(parts_[r], finite[r], smoothing_of(batch.softmax) > 0);
      if (r == 0 || is_mine(r)) extent = all;
    }
    return scalars_.measure(batch, mine(), label, extent);
  }

  __device__ __forceinline__ void write(T* out, std::int64_t stride, const Factors& factors) {
    const auto gradient = scalars_.gradient(factors);
    // The output may be the logits: all lanes must have read the logits of the labels. Shuffles do not order memory.
    __syncwarp();
#pragma unroll
    for (int r = 0; r < kRows; r++) {
      const auto g = of_row(gradient, r);
      const std::int32_t label = of_row(scalars_.label(), r);
      const std::int32_t top = of_row(scalars_.top(), r);
      if (first_ + r >= rows_) continue;
      T* const row = out + (first_ + r) * stride;
      parts_[r].store(row, classes_, g.scale, g.offset);
      store_exceptions(parts_[r], row, label, top, g.at_label, g.at_top);
    }
  }

  __device__ __forceinline__ double dot(const T* tangents, std::int64_t stride, const Factors& factors) {
    const auto gradient = scalars_.gradient(factors);
    double result = 0;
#pragma unroll
    for (int r = 0; r < kRows; r++) {
      const auto g = of_row(gradient, r);
      const std::int32_t label = of_row(scalars_.label(), r);
      const std::int32_t top = of_row(scalars_.top(), r);
      const bool exists = first_ + r < rows_;
      const T* const row = tangents + (exists ? first_ + r : 0) * stride;
      const double part = parts_[r].dot(row, exists ? classes_ : 0, g.scale, g.offset, label, top);
      const double sum = group_.reduce(part, Sum()) + dot_exceptions(row, label, top, g.at_label, g.at_top);
      if (r == 0 || is_mine(r)) result = sum;
    }
    return result;
  }

 private:
  using Part = RowPart<T, kThreads, kValues>;

  __device__ __forceinline__ std::int64_t mine() const { return first_ + group_.rank() % kRows; }
  __device__ __forceinline__ bool is_mine(int r) const { return group_.rank() % kRows == r; }

  __device__ __forceinline__ RowExtent extent_of(Part& part, bool finite, bool smoothing) {
    RowExtent all;
    all.top = group_.reduce(part.top(), Larger());
    all.shifted_sum = smoothing ? group_.reduce(part.shifted_sum(all.top.value, classes_), Sum()) : 0.0f;
    const double rest = part.exponentials(all.top);
    all.rest = group_.reduce(finite ? rest : kNaN, Sum());
    return all;
  }

  template <class V>
  __device__ __forceinline__ V of_row(V value, int r) const {
    if constexpr (kRows == 1) {
      return value;
    } else {
      return broadcast<kThreads>(value, r);
    }
  }

  __device__ __forceinline__ SoftmaxGradient<Scalar<float>> of_row(const SoftmaxGradient<Scalar<float>>& g,
                                                                   int r) const {
    return {of_row(g.scale, r), of_row(g.offset, r), of_row(g.at_top, r), of_row(g.at_label, r)};
  }

  Group<kThreads>& group_;
  Part parts_[kRows];
  SoftmaxScalars scalars_;
  std::int64_t rows_;
  std::int64_t first_;
  int classes_;
};

/** Rows of any length, each computed by one block: read once to measure, and once more for the gradient. */
template <class T, int kThreads_, int kValues>
class StreamedRows {
 public:
  using Element = T;
  static constexpr int kThreads = kThreads_;
  static constexpr int kRows = 1;
  static constexpr int kBlock = kThreads_;

  __device__ __forceinline__ explicit StreamedRows(Group<kThreads>& group) : group_(group) {}

  __device__ __forceinline__ Measured measure(const DeviceBatch& batch, std::int64_t row) {
    classes_ = batch.classes();
    row_ = row;
    logits_ = batch.logits<T>(row);
    const Label label = read_label<T>(batch, row);

    // Each thread measures its own part, relative to the largest logit that it has seen.
    Top lead = kNothing;
    double rest = 0;
    bool finite = true;
    Part part;
    for (int start = 0; start < end(); start += Part::kCapacity) {
      finite = part.load(logits_, classes_, start, group_.rank()) && finite;
      const Top before = lead;
      lead = Larger()(lead, part.top());
      if (lead.index != before.index) rest = scaled_rest(rest, before, lead.value);
      rest += part.exponentials(lead);
    }

    RowExtent all;
    all.top = group_.reduce(lead, Larger());
    if (lead.index != all.top.index) rest = scaled_rest(rest, lead, all.top.value);
    all.rest = group_.reduce(finite ? rest : kNaN, Sum());
    all.shifted_sum = smoothing_of(batch.softmax) > 0 ? shifted_sum(all.top.value) : 0.0f;
    max_ = all.top;
    return scalars_.measure(batch, row, label, all);
  }

  __device__ __forceinline__ void write(T* out, std::int64_t stride, const Factors& factors) {
    const auto g = scalars_.gradient(factors);
    for_each_part([&](const Part& part) {
      T* const row = out + row_ * stride;
      part.store(row, classes_, g.scale, g.offset);
      store_exceptions(part, row, scalars_.label(), scalars_.top(), g.at_label, g.at_top);
    });
  }

  __device__ __forceinline__ double dot(const T* tangents, std::int64_t stride, const Factors& factors) {
    const auto g = scalars_.gradient(factors);
    const T* const row = tangents + row_ * stride;
    double sum = 0;
    for_each_part([&](const Part& part) {
      sum += part.dot(row, classes_, g.scale, g.offset, scalars_.label(), scalars_.top());
    });
    return group_.reduce(sum, Sum()) + dot_exceptions(row, scalars_.label(), scalars_.top(), g.at_label, g.at_top);
  }

 private:
  using Part = RowPart<T, kThreads, kValues>;

  /** Elements from the beginning of the row's first wide vector to the end of the row. */
  __device__ __forceinline__ int end() const { return classes_ + misalignment(logits_); }

  /** The sum of exponentials relative to a larger logit `max`, now with the previous largest logit `lead` in it. */
  static __device__ __forceinline__ double scaled_rest(double rest, Top lead, float max) {
    return lead.index == kNothing.index ? 0.0 : (1 + rest) * exp_below<T>(lead.value, max);
  }

  __device__ __forceinline__ float shifted_sum(float max) {
    float sum = 0;
    Part part;
    for (int start = 0; start < end(); start += Part::kCapacity) {
      part.load(logits_, classes_, start, group_.rank());
      sum += part.shifted_sum(max, classes_);
    }
    return group_.reduce(sum, Sum());
  }

  /** Goes backwards: the part that was read last is most likely still in the cache. */
  template <class Visit>
  __device__ __forceinline__ void for_each_part(Visit visit) {
    Part part;
    for (int start = (end() - 1) / Part::kCapacity * Part::kCapacity; start >= 0; start -= Part::kCapacity) {
      part.load(logits_, classes_, start, group_.rank());
      part.exponentials(max_);
      visit(part);
    }
  }

  Group<kThreads>& group_;
  SoftmaxScalars scalars_;
  Top max_;
  const T* logits_;
  std::int64_t row_;
  int classes_;
};

}  // namespace lilaw::cuda
