/** The C ABI on the CPU: what JavaScript cannot reach, such as strides, and the steps of the scalars. */
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "../../src/math/loss_traits.h"
#include "lilaw.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/** A padded matrix; what is between its rows is NaN. */
struct Padded {
  std::int64_t rows;
  std::int64_t stride;
  std::vector<float> data;

  Padded(std::int64_t rows, std::int64_t stride)
      : rows(rows), stride(stride), data(static_cast<std::size_t>(rows * stride), kNaN) {}
  float& at(std::int64_t i, std::int64_t k) { return data[static_cast<std::size_t>(i * stride + k)]; }
};

struct Case {
  Padded logits;
  Padded gradient;
  std::vector<std::int32_t> labels;
  std::vector<float> losses;
  lilaw_params params{10, 2, 6};
  lilaw_weighted_loss_result result{};
  lilaw_weighted_loss_args args{};

  Case(std::int64_t rows, std::int64_t classes, std::int64_t stride, std::int64_t grad_stride)
      : logits(rows, stride), gradient(rows, grad_stride), labels(rows), losses(rows) {
    for (std::int64_t i = 0; i < rows; i++) {
      labels[i] = static_cast<std::int32_t>(i * 7 % classes);
      for (std::int64_t k = 0; k < classes; k++) logits.at(i, k) = static_cast<float>((i * 31 + k * 17) % 23) / 4;
    }
    args.batch.logits = logits.data.data();
    args.batch.rows = rows;
    args.batch.classes = classes;
    args.batch.logits_stride = stride;
    args.batch.labels = labels.data();
    args.params = &params;
    args.losses = losses.data();
    args.grad_logits = gradient.data.data();
    args.grad_stride = grad_stride;
    args.result = &result;
  }
  Case(const Case&) = delete;
};

}  // namespace

TEST_CASE("padded rows give what dense rows give, and nothing is written between them") {
  for (const char* isa : {"sse2", "avx2", "avx512", "neon", "baseline"}) {
    if (lilaw_set_cpu_isa(isa) != LILAW_OK) continue;
    for (const std::int64_t classes : {1, 3, 16, 37, 300, 500}) {
      Case dense(70, classes, classes, classes);
      Case padded(70, classes, classes + 5, classes + 3);
      REQUIRE(lilaw_weighted_loss_cpu(&dense.args) == LILAW_OK);
      REQUIRE(lilaw_weighted_loss_cpu(&padded.args) == LILAW_OK);
      CHECK(dense.result.objective == padded.result.objective);
      CHECK(dense.losses == padded.losses);
      for (std::int64_t i = 0; i < 70; i++) {
        for (std::int64_t k = 0; k < classes; k++) CHECK(dense.gradient.at(i, k) == padded.gradient.at(i, k));
        for (std::int64_t k = classes; k < classes + 3; k++) CHECK(std::isnan(padded.gradient.at(i, k)));
      }
    }
  }
  lilaw_set_cpu_isa(nullptr);
}

#if defined(__linux__)
TEST_CASE("rows beyond 2^31 elements and 2^32 bytes") {
  const std::int64_t stride = std::int64_t{1} << 31;
  const std::size_t bytes = static_cast<std::size_t>(2 * stride + 3) * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto* logits = static_cast<float*>(memory);
  for (std::int64_t i = 0; i < 3; i++) logits[i * stride + i] = 2;
  Case far(3, 3, 3, 3);
  Case near(3, 3, 3, 3);
  far.labels = near.labels = {0, 1, 2};
  far.args.batch.logits = far.args.grad_logits = logits;
  far.args.batch.logits_stride = far.args.grad_stride = stride;
  for (std::int64_t i = 0; i < 9; i++) near.logits.data[i] = i % 4 == 0 ? 2 : 0;
  REQUIRE(lilaw_weighted_loss_cpu(&far.args) == LILAW_OK);
  REQUIRE(lilaw_weighted_loss_cpu(&near.args) == LILAW_OK);
  CHECK(far.losses == near.losses);
  for (std::int64_t i = 0; i < 3; i++) {
    CHECK(std::memcmp(logits + i * stride, &near.gradient.at(i, 0), 3 * sizeof(float)) == 0);
  }
  munmap(memory, bytes);
}
#endif

namespace {

/** The objective's derivative by one of the scalars, by a central difference in double. */
double slope(Case& batch, double lilaw_params::*scalar) {
  const double step = 1e-4;
  const lilaw_params params = batch.params;
  double objective[2];
  for (const int side : {0, 1}) {
    batch.params.*scalar = params.*scalar + (side == 1 ? step : -step);
    REQUIRE(lilaw_weighted_loss_cpu(&batch.args) == LILAW_OK);
    objective[side] = batch.result.objective;
    batch.params = params;
  }
  return (objective[1] - objective[0]) / (2 * step);
}

}  // namespace

TEST_CASE("weighted_loss gives the objective's gradient on the scalars, normalized or not") {
  for (const lilaw_normalize normalize : {LILAW_NONE, LILAW_BATCH_MEAN}) {
    Case batch(40, 5, 5, 5);
    std::vector<float> factors(40);
    for (std::size_t i = 0; i < factors.size(); i++) factors[i] = static_cast<float>(i % 3) / 2;
    batch.args.sample_weights = factors.data();
    batch.args.normalize = normalize;
    const lilaw_params expected = {slope(batch, &lilaw_params::alpha), slope(batch, &lilaw_params::beta),
                                   slope(batch, &lilaw_params::delta)};
    REQUIRE(lilaw_weighted_loss_cpu(&batch.args) == LILAW_OK);
    const lilaw_params& actual = batch.result.gradient;
    CHECK(actual.alpha == doctest::Approx(expected.alpha).epsilon(1e-7));
    CHECK(actual.beta == doctest::Approx(expected.beta).epsilon(1e-7));
    CHECK(actual.delta == doctest::Approx(expected.delta).epsilon(1e-7));
  }
}

TEST_CASE("weighted_loss gives the scalars what meta_gradient gives them; nothing without params, NaN with a NaN") {
  Case batch(40, 5, 5, 5);
  lilaw_meta_gradient_result meta{};
  lilaw_meta_gradient_args args{};
  args.batch = batch.args.batch;
  args.params = &batch.params;
  args.result = &meta;
  REQUIRE(lilaw_meta_gradient_cpu(&args) == LILAW_OK);
  REQUIRE(lilaw_weighted_loss_cpu(&batch.args) == LILAW_OK);
  CHECK(batch.result.gradient.alpha == doctest::Approx(meta.gradient.alpha).epsilon(1e-14));
  CHECK(batch.result.gradient.beta == doctest::Approx(meta.gradient.beta).epsilon(1e-14));
  CHECK(batch.result.gradient.delta == doctest::Approx(meta.gradient.delta).epsilon(1e-14));

  batch.logits.at(3, 0) = kNaN;
  REQUIRE(lilaw_weighted_loss_cpu(&batch.args) == LILAW_OK);
  CHECK(std::isnan(batch.result.gradient.alpha));

  Case plain(40, 5, 5, 5);
  plain.args.params = nullptr;
  REQUIRE(lilaw_weighted_loss_cpu(&plain.args) == LILAW_OK);
  CHECK(plain.result.gradient.alpha == 0);
  CHECK(plain.result.gradient.beta == 0);
  CHECK(plain.result.gradient.delta == 0);
}

TEST_CASE("meta_step moves the scalars as written, and clamps") {
  Case batch(20, 5, 5, 5);
  lilaw_meta_gradient_result result{};
  lilaw_meta_step_args step{};
  step.meta_gradient.batch = batch.args.batch;
  step.meta_gradient.params = step.params = &batch.params;
  step.meta_gradient.result = &result;
  step.learning_rate = {0.1, 0.2, 0.3};
  step.weight_decay = {0.01, 0.02, 0.03};
  const lilaw_params before = batch.params;
  REQUIRE(lilaw_meta_step_cpu(&step) == LILAW_OK);
  CHECK(result.moved == 1);
  CHECK(batch.params.alpha == before.alpha - 0.1 * (result.gradient.alpha + 0.01 * before.alpha));
  CHECK(batch.params.beta == before.beta - 0.2 * (result.gradient.beta + 0.02 * before.beta));
  CHECK(batch.params.delta == before.delta - 0.3 * (result.gradient.delta + 0.03 * before.delta));

  batch.params = {0.5, 9, 6};
  step.clamp = 1;
  step.learning_rate = {0, 0, 0};
  REQUIRE(lilaw_meta_step_cpu(&step) == LILAW_OK);
  CHECK(batch.params.alpha == 1);
  CHECK(batch.params.beta == 9);
  CHECK(batch.params.delta == 9);
}

TEST_CASE("meta_step does not move on a non-finite logit") {
  Case batch(4, 3, 3, 3);
  batch.logits.at(2, 1) = kNaN;
  lilaw_meta_gradient_result result{};
  lilaw_meta_step_args step{};
  step.meta_gradient.batch = batch.args.batch;
  step.meta_gradient.params = step.params = &batch.params;
  step.meta_gradient.result = &result;
  step.learning_rate = {0.1, 0.1, 0.1};
  CHECK(lilaw_meta_step_cpu(&step) == LILAW_NON_FINITE);
  CHECK(std::string(lilaw_last_error()).find("1 non-finite") != std::string::npos);
  CHECK(result.moved == 0);
  CHECK(result.non_finite_rows == 1);
  CHECK(batch.params.alpha == 10);
}

TEST_CASE("bad arguments are refused with a sentence, and nothing is written") {
  const auto refused = [](lilaw_status wanted, const std::string& name, const auto& change) {
    Case batch(4, 3, 3, 3);
    change(batch.args);
    CHECK(lilaw_weighted_loss_cpu(&batch.args) == wanted);
    const std::string message = lilaw_last_error();
    CHECK(message.rfind("Expected ", 0) == 0);
    CHECK(message.find(" but received ") != std::string::npos);
    CHECK_MESSAGE(message.find(name) != std::string::npos, message);
    for (const float x : batch.gradient.data) CHECK(std::isnan(x));
    CHECK(batch.losses == std::vector<float>(4));
  };
  using Args = lilaw_weighted_loss_args;
  const std::int32_t labels[] = {0, 1, 3, 0};
  refused(LILAW_INVALID_ARGUMENT, "logits", [](Args& a) { a.batch.logits = nullptr; });
  refused(LILAW_INVALID_ARGUMENT, "labels", [](Args& a) { a.batch.labels = nullptr; });
  refused(LILAW_INVALID_ARGUMENT, "rows", [](Args& a) { a.batch.rows = 0; });
  refused(LILAW_INVALID_ARGUMENT, "classes", [](Args& a) { a.batch.classes = -1; });
  refused(LILAW_INVALID_ARGUMENT, "logits_stride", [](Args& a) { a.batch.logits_stride = 2; });
  refused(LILAW_INVALID_ARGUMENT, "logits_stride", [](Args& a) { a.batch.logits_stride = INT64_MAX / 2; });
  refused(LILAW_INVALID_ARGUMENT, "grad_stride", [](Args& a) { a.grad_stride = 0; });
  refused(LILAW_INVALID_ARGUMENT, "loss.kind", [](Args& a) { a.batch.loss.kind = lilaw::kLossCount; });
  refused(LILAW_INVALID_ARGUMENT, "for q", [](Args& a) { a.batch.loss = {LILAW_GENERALIZED_CROSS_ENTROPY, {1.5}}; });
  refused(LILAW_INVALID_ARGUMENT, "for A", [](Args& a) { a.batch.loss = {LILAW_SYMMETRIC_CROSS_ENTROPY, {1, 1, 4}}; });
  refused(LILAW_INVALID_ARGUMENT, "gradient", [](Args& a) { a.gradient = 2; });
  refused(LILAW_INVALID_ARGUMENT, "normalize", [](Args& a) { a.normalize = -1; });
  refused(LILAW_INVALID_ARGUMENT, "result", [](Args& a) { a.result = nullptr; });
  refused(LILAW_UNSUPPORTED, "dtype", [](Args& a) { a.batch.dtype = LILAW_BFLOAT16; });
  refused(LILAW_LABEL_OUT_OF_RANGE, "labels[2]", [&](Args& a) { a.batch.labels = labels; });
  CHECK(lilaw_weighted_loss_cpu(nullptr) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_meta_gradient_cpu(nullptr) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_meta_step_cpu(nullptr) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_alignment_weights_cpu(nullptr) == LILAW_INVALID_ARGUMENT);
}

TEST_CASE("threads and instruction sets are checked") {
  CHECK(lilaw_set_threads(-1) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_set_threads(257) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_set_threads(3) == LILAW_OK);
  CHECK(lilaw_threads() == 3);
  CHECK(lilaw_set_threads(0) == LILAW_OK);
  CHECK(lilaw_set_cpu_isa("mmx") == LILAW_UNSUPPORTED);
  CHECK(std::string(lilaw_status_text(LILAW_UNSUPPORTED)) == "UNSUPPORTED");
}
