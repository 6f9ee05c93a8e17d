/**
 * libFuzzer: all instruction sets of this machine must agree on any input, to what float32 leaves open.
 *
 * The bytes make a shape, a loss, parameters and the very bits of the logits, so NaN, infinities, denormals and ties
 * come up, and tangents at both ends of float32. A gradient in the place of the logits must have the bits of one apart
 * from them, and weights of alignments add up to 1. `scripts/fuzz.mjs` builds and runs this.
 */
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../../src/math/loss_traits.h"
#include "lilaw.h"

namespace {

/** Takes numbers off the front of the input; zeros when it is used up. */
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  template <class T>
  T take() {
    T value{};
    const std::size_t size = left_ < sizeof value ? left_ : sizeof value;
    if (size > 0) std::memcpy(&value, data_, size);
    data_ += size;
    left_ -= size;
    return value;
  }
  int below(int limit) { return take<std::uint16_t>() % limit; }
  /** In [0, 1]. */
  double unit() { return take<std::uint8_t>() / 255.0; }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

struct Input {
  std::int64_t rows;
  std::int64_t classes;
  lilaw_loss loss;
  lilaw_params params;
  bool plain;
  int gradient;
  int normalize;
  std::vector<float> logits;
  double tangent_scale;
  std::vector<float> tangents;
  std::vector<float> sample_weights;
  std::vector<std::int32_t> classes_of;
  std::vector<std::uint8_t> flags;
  std::vector<float> targets;
  /** [classes, classes] by observed labels, or empty */
  std::vector<float> transition;
};

/** Numbers in the ranges of the parameters of a loss, the ends that are in them too. */
void read_parameters(Bytes& bytes, lilaw_loss& loss) {
  const lilaw::LossTraits& traits = lilaw::traits_of(loss);
  for (int i = 0; i < traits.parameter_count; i++) {
    const lilaw::ParameterTraits& range = traits.parameters[i];
    const double least = range.least > -lilaw::kUnbounded ? range.least : range.most - 4;
    const double most = range.most < lilaw::kUnbounded ? range.most : range.least + 4;
    const double lowest = range.with_least ? least : least + (most - least) / 16;
    const double highest = range.with_most ? most : most - (most - least) / 16;
    loss.parameters[i] = lowest + (highest - lowest) * bytes.unit();
  }
}

/**
 * Numbers from 1 down to 2^-52, and 0: by a column of each class, which becomes a column of probabilities. Each label
 * comes from some class, since else nothing in its rows has a value. From a few bytes, which leaves the others to the logits.
 */
std::vector<float> read_transition(Bytes& bytes, std::int64_t classes) {
  std::vector<float> by_label(static_cast<std::size_t>(classes * classes));
  const auto at = [&](std::int64_t y, std::int64_t k) -> float& {
    return by_label[static_cast<std::size_t>(y * classes + k)];
  };
  const bool sparse = bytes.below(2) == 1;
  std::uint32_t state = bytes.take<std::uint16_t>();
  for (std::int64_t k = 0; k < classes; k++) {
    double sum = 0;
    for (std::int64_t y = 0; y < classes; y++) {
      state = state * 1103515245u + 12345u;
      const int byte = static_cast<int>(state >> 24);
      const bool none = k != y && (byte & 3) != 0 && sparse;
      at(y, k) = none ? 0.0f : std::ldexp(1.0f, -(byte >> 2) % 53);
      sum += at(y, k);
    }
    for (std::int64_t y = 0; y < classes; y++) at(y, k) = static_cast<float>(at(y, k) / sum);
  }
  return by_label;
}

Input read(Bytes bytes) {
  Input in{};
  in.loss.kind = bytes.below(lilaw::kLossCount);
  read_parameters(bytes, in.loss);
  const bool single = lilaw::has_one_logit(lilaw::traits_of(in.loss).label);
  in.rows = 1 + bytes.below(40);
  // Long rows are read in another way than short ones.
  in.classes = single ? 1 : bytes.below(8) > 0 ? 1 + bytes.below(70) : 300 + bytes.below(300);
  in.params = {20 * bytes.unit(), 20 * bytes.unit(), 20 * bytes.unit()};
  const int flags = bytes.below(256);
  in.plain = (flags & 7) == 0;
  in.gradient = (flags >> 3) & 1;
  in.normalize = (flags >> 4) & 1;
  // Raw bits, or the same bytes as numbers in which more is going on.
  const bool raw = (flags & 0x20) != 0;
  const float scale = std::ldexp(1.0f, bytes.below(12) - 4);
  const int exponents[] = {0, 0, 125, -140};
  in.tangent_scale = std::ldexp(1.0, exponents[flags >> 6]);
  if (lilaw::traits_of(in.loss).of_label_prob && bytes.below(2) == 1) in.transition = read_transition(bytes, in.classes);
  const int values = single ? 2 : static_cast<int>(in.classes);
  for (std::int64_t i = 0; i < in.rows; i++) {
    in.classes_of.push_back(bytes.below(values));
    in.targets.push_back(static_cast<float>(bytes.take<std::int8_t>()) / 16);
    in.sample_weights.push_back(static_cast<float>(2 * bytes.unit()));
    for (std::int64_t k = 0; k < in.classes; k++) {
      const float number = static_cast<float>(bytes.take<std::int8_t>()) / 16 * scale;
      in.logits.push_back(raw ? bytes.take<float>() : number);
      in.tangents.push_back(static_cast<float>(bytes.take<std::int8_t>() / 32.0 * in.tangent_scale));
      in.flags.push_back(bytes.take<std::uint8_t>() & 1);
    }
  }
  return in;
}

struct Output {
  std::vector<float> rows;  // losses, weights, label and max probabilities, alignments, one after the other
  std::vector<float> gradient;
  std::vector<float> in_place;
  std::vector<float> weights;
  std::vector<std::int32_t> predictions;
  std::int64_t non_finite = 0;
};

void require(lilaw_status status) {
  if (status == LILAW_OK) return;
  std::fprintf(stderr, "%s\n", lilaw_last_error());
  std::abort();
}

Output run(const Input& in, const char* isa) {
  require(lilaw_set_cpu_isa(isa));
  const auto rows = static_cast<std::size_t>(in.rows);
  Output out;
  out.rows.resize(5 * rows);
  out.gradient.resize(in.logits.size());
  out.predictions.resize(rows);
  out.in_place = in.logits;
  out.weights.resize(rows);

  lilaw_batch batch{};
  batch.logits = in.logits.data();
  batch.rows = in.rows;
  batch.classes = batch.logits_stride = batch.labels_stride = in.classes;
  batch.labels = in.classes_of.data();
  if (in.loss.kind == LILAW_MULTI_LABEL) batch.labels = in.flags.data();
  if (in.loss.kind == LILAW_REGRESSION) batch.labels = in.targets.data();
  batch.loss = in.loss;
  batch.transition = in.transition.empty() ? nullptr : in.transition.data();
  batch.transition_stride = in.classes;

  lilaw_weighted_loss_result result;
  lilaw_weighted_loss_args args{};
  args.batch = batch;
  args.params = in.plain ? nullptr : &in.params;
  args.gradient = in.gradient;
  args.normalize = in.normalize;
  args.sample_weights = in.sample_weights.data();
  args.losses = &out.rows[0];
  args.weights = &out.rows[rows];
  args.label_probs = &out.rows[2 * rows];
  args.max_probs = &out.rows[3 * rows];
  args.predictions = out.predictions.data();
  args.grad_logits = out.gradient.data();
  args.grad_stride = in.classes;
  args.result = &result;
  require(lilaw_weighted_loss_cpu(&args));
  out.non_finite = result.non_finite_rows;

  lilaw_alignment_weights_result alignment;
  lilaw_alignment_weights_args aligned{};
  aligned.batch = batch;
  aligned.tangents = in.tangents.data();
  aligned.tangents_stride = in.classes;
  aligned.alignments = &out.rows[4 * rows];
  aligned.weights = out.weights.data();
  aligned.result = &alignment;
  require(lilaw_alignment_weights_cpu(&aligned));

  args.batch.logits = args.grad_logits = out.in_place.data();
  require(lilaw_weighted_loss_cpu(&args));

  lilaw_meta_gradient_result meta;
  lilaw_meta_gradient_args gradient{};
  gradient.batch = batch;
  gradient.params = &in.params;
  gradient.result = &meta;
  require(lilaw_meta_gradient_cpu(&gradient));
  return out;
}

[[noreturn]] void refuse(const char* what, double value) {
  std::fprintf(stderr, "%s: %.9g\n", what, value);
  std::abort();
}

/** Properties that hold on any instruction set. */
void check(const Input& in, const Output& out) {
  const std::size_t bytes = out.gradient.size() * sizeof(float);
  if (std::memcmp(out.gradient.data(), out.in_place.data(), bytes) != 0) refuse("a gradient in place", 0);
  double sum = 0;
  bool positive = false;
  const auto rows = static_cast<std::size_t>(in.rows);
  for (std::size_t i = 0; i < rows; i++) {
    const float alignment = out.rows[4 * rows + i];
    if (std::isnan(alignment) != std::isnan(out.weights[i])) refuse("the weight of an alignment", alignment);
    if (std::isnan(alignment)) continue;
    if (!(out.weights[i] >= 0 && out.weights[i] <= 1)) refuse("a weight", out.weights[i]);
    if (alignment < 0 && out.weights[i] > 0) refuse("the weight of an alignment below 0", out.weights[i]);
    positive |= alignment > 0;
    sum += out.weights[i];
  }
  // An alignment that is 0 as a float may be above 0, so the other way round does not hold.
  if (positive && !(std::fabs(sum - 1) < 1e-5)) refuse("the sum of the weights", sum);
}

/** The nearest number that is one: beyond float32, rounding decides whether a result is infinite. */
float within(float x) { return std::fmin(std::fmax(x, -FLT_MAX), FLT_MAX); }

/** `scale` is the size of the terms that the numbers are sums of. */
void compare(const char* what, std::int64_t at, float a, float b, double scale) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return;
  if (std::fabs(static_cast<double>(a) - b) <= 4e-6 * (std::fabs(static_cast<double>(a)) + scale) + 1e-44) return;
  std::fprintf(stderr, "%s %lld: %.9g and %.9g\n", what, static_cast<long long>(at), a, b);
  std::abort();
}

/** The largest factor between the gradients of a loss and of the cross-entropy, but for the focal loss: gamma is small. */
double largest_factor(const lilaw_loss& loss) {
  if (loss.kind == LILAW_MEAN_ABSOLUTE_ERROR) return 2;
  if (loss.kind != LILAW_SYMMETRIC_CROSS_ENTROPY) return 1;
  return std::fmax(1, loss.parameters[0] - loss.parameters[1] * loss.parameters[2]);
}

void compare(const Input& in, const Output& a, const Output& b) {
  if (a.non_finite != b.non_finite || a.predictions != b.predictions) std::abort();
  const auto rows = static_cast<std::size_t>(in.rows);
  // Normalised by the batch, a row's gradient has the objective of all rows among its terms.
  double batch_loss = 0;
  if (in.normalize == LILAW_BATCH_MEAN) {
    for (std::size_t i = 0; i < rows; i++) batch_loss = std::fmax(batch_loss, 2 * std::fabs(a.rows[i]));
  }
  for (std::size_t i = 0; i < rows; i++) {
    const auto row = static_cast<std::int64_t>(i);
    const double loss = std::fabs(a.rows[i]) + batch_loss;
    // Label smoothing: the loss is a sum of logits that may cancel; alignments are sums of tangents of up to 4.
    double spread = 0;
    for (std::int64_t k = 0; k < in.classes; k++) {
      spread = std::fmax(spread, std::fabs(in.logits[i * static_cast<std::size_t>(in.classes) + k]));
    }
    const bool smooth = in.loss.kind == LILAW_LABEL_SMOOTHING;
    compare("loss", row, a.rows[i], b.rows[i], smooth && std::isfinite(spread) ? spread : 0);
    for (std::size_t n = 1; n < 4; n++) compare("row output", row, a.rows[n * rows + i], b.rows[n * rows + i], 0);
    const bool squared = in.loss.kind == LILAW_REGRESSION;
    const float first = a.rows[4 * rows + i];
    const float second = b.rows[4 * rows + i];
    const double alignment = (squared ? 4 * spread : 40 * largest_factor(in.loss)) * in.tangent_scale;
    if (std::isnan(first) || std::isnan(second)) {
      compare("alignment", row, first, second, 0);
    } else {
      compare("alignment", row, within(first), within(second), alignment);
    }
    // Terms of the gradient: the weight times a probability, the loss times the slope of the weight.
    const double slopes = in.plain ? 0 : in.params.alpha + in.params.beta + in.params.delta + 3;
    // A loss may be infinite as a float.
    const double through_weight = slopes > 0 ? (loss + 20) * slopes : 0;
    const double terms = (3 * largest_factor(in.loss) + through_weight) * 4 * (squared ? 1 + spread : 1);
    for (std::int64_t k = 0; k < in.classes; k++) {
      const std::size_t at = i * static_cast<std::size_t>(in.classes) + static_cast<std::size_t>(k);
      compare("gradient", static_cast<std::int64_t>(at), a.gradient[at], b.gradient[at], terms);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = lilaw_set_threads(1) == LILAW_OK;
  if (!ready) std::abort();
  const Input in = read(Bytes(data, size));
  const char* const sets[] = {"sse2", "avx2", "avx512"};
  const Output first = run(in, sets[0]);
  check(in, first);
  for (const char* isa : {sets[1], sets[2]}) {
    if (lilaw_set_cpu_isa(isa) != LILAW_OK) continue;
    const Output other = run(in, isa);
    check(in, other);
    compare(in, first, other);
  }
  return 0;
}
