// A step of LiLAW on logits from C++, without Python or Node: loss, weights and gradient of a training batch, then the
// step of the scalars on a validation batch of the same shape. The device is checked against the host's kernels before
// both are timed in turns. Where there is no device, the host is timed alone.
//
//     step CSV [SHAPES]        the file to write; how many of the shapes, default all
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "lilaw.h"

namespace {

constexpr int kRounds = 15;
constexpr double kSampleSeconds = 0.02;

void require(lilaw_status status) {
  if (status == LILAW_OK) return;
  std::fprintf(stderr, "%s: %s\n", lilaw_status_text(status), lilaw_last_error());
  std::exit(1);
}

struct Host {
  static constexpr bool kOnDevice = false;
};
struct Device {
  static constexpr bool kOnDevice = true;
};

// An array of the host, or of the device with a copy to compare.
template <class Where, class T>
class Array {
 public:
  explicit Array(std::vector<T> values) : host_(std::move(values)) {
    if constexpr (Where::kOnDevice) {
      require(lilaw_buffer_create(bytes(), &memory_));
      require(lilaw_buffer_upload(memory_, host_.data(), bytes(), nullptr));
      require(lilaw_stream_synchronize(nullptr));
    }
  }
  Array(const Array&) = delete;
  ~Array() {
    if (memory_ != nullptr) lilaw_buffer_free(memory_);
  }

  T* data() { return Where::kOnDevice ? static_cast<T*>(memory_) : host_.data(); }

  const std::vector<T>& values() {
    if constexpr (Where::kOnDevice) {
      require(lilaw_buffer_download(host_.data(), memory_, bytes(), nullptr));
      require(lilaw_stream_synchronize(nullptr));
    }
    return host_;
  }

 private:
  int64_t bytes() const { return static_cast<int64_t>(host_.size() * sizeof(T)); }

  std::vector<T> host_;
  void* memory_ = nullptr;
};

struct Batch {
  std::vector<float> logits;
  std::vector<int32_t> labels;
};

Batch random_batch(int64_t rows, int64_t classes, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 2);
  std::uniform_int_distribution<int32_t> label(0, static_cast<int32_t>(classes) - 1);
  Batch batch{std::vector<float>(rows * classes), std::vector<int32_t>(rows)};
  for (float& z : batch.logits) z = normal(random);
  for (int32_t& y : batch.labels) y = label(random);
  return batch;
}

template <class Where>
class Step {
 public:
  Step(int64_t rows, int64_t classes)
      : rows_(rows), classes_(classes), train_(random_batch(rows, classes, 1)), valid_(random_batch(rows, classes, 2)),
        losses_(std::vector<float>(rows)), weights_(std::vector<float>(rows)),
        gradient_(std::vector<float>(rows * classes)), params_({{10, 2, 6}}), result_(std::vector<Result>(1)),
        meta_result_(std::vector<MetaResult>(1)),
        workspace_(std::vector<char>(Where::kOnDevice ? lilaw_cuda_workspace_bytes(rows) : 1)) {
    args_.batch = train_.described(rows, classes);
    args_.params = params_.data();
    args_.losses = losses_.data();
    args_.weights = weights_.data();
    args_.grad_logits = gradient_.data();
    args_.grad_stride = classes;
    args_.result = result_.data();
    meta_.meta_gradient.batch = valid_.described(rows, classes);
    meta_.meta_gradient.params = meta_.params = params_.data();
    meta_.meta_gradient.result = meta_result_.data();
    meta_.learning_rate = {0.005, 0.005, 0.005};
    meta_.weight_decay = {1e-4, 1e-4, 1e-4};
  }

  void run() {
    if constexpr (Where::kOnDevice) {
      require(lilaw_weighted_loss_cuda(&args_, workspace_.data(), nullptr));
      require(lilaw_meta_step_cuda(&meta_, workspace_.data(), nullptr));
    } else {
      require(lilaw_weighted_loss_cpu(&args_));
      require(lilaw_meta_step_cpu(&meta_));
    }
  }

  const std::vector<float>& weights() { return weights_.values(); }
  const std::vector<float>& gradient() { return gradient_.values(); }
  lilaw_params params() { return params_.values()[0]; }
  double gradient_scale() const { return 1.0 / static_cast<double>(rows_); }

 private:
  using Result = lilaw_weighted_loss_result;
  using MetaResult = lilaw_meta_gradient_result;

  struct Samples {
    explicit Samples(Batch batch) : logits(std::move(batch.logits)), labels(std::move(batch.labels)) {}
    lilaw_batch described(int64_t rows, int64_t classes) {
      lilaw_batch batch{};
      batch.logits = logits.data();
      batch.rows = rows;
      batch.classes = batch.logits_stride = classes;
      batch.labels = labels.data();
      return batch;
    }
    Array<Where, float> logits;
    Array<Where, int32_t> labels;
  };

  int64_t rows_, classes_;
  Samples train_, valid_;
  Array<Where, float> losses_, weights_, gradient_;
  Array<Where, lilaw_params> params_;
  Array<Where, Result> result_;
  Array<Where, MetaResult> meta_result_;
  Array<Where, char> workspace_;
  lilaw_weighted_loss_args args_{};
  lilaw_meta_step_args meta_{};
};

template <class T>
void near(const char* what, const std::vector<T>& values, const std::vector<T>& expected, double scale) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::abs(values[i] - expected[i]) <= 1e-5 * scale) continue;
    std::fprintf(stderr, "Expected %.9g for %s[%zu] but received %.9g\n", double(expected[i]), what, i, double(values[i]));
    std::exit(1);
  }
}

// One step from the same start does the same.
void compare(Step<Device>& device, Step<Host>& host) {
  device.run();
  host.run();
  near("weights", device.weights(), host.weights(), 1);
  near("gradient", device.gradient(), host.gradient(), host.gradient_scale());
  const lilaw_params moved = device.params(), expected = host.params();
  near<double>("scalars", {moved.alpha, moved.beta, moved.delta}, {expected.alpha, expected.beta, expected.delta}, 1);
}

struct Variant {
  std::string name;
  std::function<void(int)> steps;
  int calls = 1;
  std::vector<double> microseconds = {};
};

double seconds_of(const Variant& variant, int calls) {
  const auto start = std::chrono::steady_clock::now();
  variant.steps(calls);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Columns that say where a row comes from: device, date, commit.
std::string origin() {
  lilaw_cuda_device device{};
  const bool found = lilaw_cuda_device_info(0, &device) == LILAW_OK;
  const std::time_t now = std::time(nullptr);
  char date[11];
  std::strftime(date, sizeof(date), "%Y-%m-%d", std::gmtime(&now));
  const char* commit = std::getenv("LILAW_COMMIT");
  return std::string(found ? device.name : "none") + "," + date + "," + (commit != nullptr ? commit : "");
}

void measure(std::FILE* csv, int64_t rows, int64_t classes, std::vector<Variant> variants) {
  for (Variant& variant : variants) {
    seconds_of(variant, 3);
    variant.calls = std::clamp(static_cast<int>(3 * kSampleSeconds / seconds_of(variant, 3)), 1, 20000);
    seconds_of(variant, variant.calls);
  }
  for (int round = 0; round < kRounds; round++) {
    for (size_t i = 0; i < variants.size(); i++) {
      Variant& variant = variants[(round + i) % variants.size()];
      variant.microseconds.push_back(1e6 * seconds_of(variant, variant.calls) / variant.calls);
    }
  }
  for (Variant& variant : variants) {
    std::sort(variant.microseconds.begin(), variant.microseconds.end());
    const auto at = [&](double share) { return variant.microseconds[static_cast<size_t>(share * (kRounds - 1))]; };
    std::fprintf(csv, "%lld,%lld,\"%s\",%.3f,%.3f,%.3f,%s\n", static_cast<long long>(rows),
                 static_cast<long long>(classes), variant.name.c_str(), at(0.2), at(0.5), at(0.8), origin().c_str());
    std::printf("  [%lld, %lld] %s: %.2f us\n", static_cast<long long>(rows), static_cast<long long>(classes),
                variant.name.c_str(), at(0.5));
  }
  std::fflush(nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  int32_t devices = 0;
  lilaw_cuda_device_count(&devices);
  const std::vector<std::pair<int64_t, int64_t>> shapes = {{128, 10}, {128, 100}, {1024, 100}, {4096, 1000}, {65536, 1000}};
  const size_t wanted = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : shapes.size();
  std::FILE* csv = argc > 1 ? std::fopen(argv[1], "w") : nullptr;
  if (csv == nullptr) {
    std::fprintf(stderr, "Expected a file that can be written for CSV but received %s\n", argc > 1 ? argv[1] : "nothing");
    return 2;
  }
  std::fprintf(csv, "rows,classes,variant,microsecondsP20,microsecondsP50,microsecondsP80,device,date,commit\n");
  for (size_t at = 0; at < std::min(wanted, shapes.size()); at++) {
    const auto [rows, classes] = shapes[at];
    Step<Host> host(rows, classes);
    std::vector<Variant> variants = {{"host", [&](int calls) {
                                            while (calls-- > 0) host.run();
                                          }}};
    if (devices == 0) {
      measure(csv, rows, classes, std::move(variants));
      continue;
    }
    Step<Device> device(rows, classes);
    compare(device, host);
    variants.push_back({"device, steps queued", [&](int calls) {
                            while (calls-- > 0) device.run();
                            require(lilaw_stream_synchronize(nullptr));
                          }});
    variants.push_back({"device, waiting after every step", [&](int calls) {
                            while (calls-- > 0) {
                              device.run();
                              require(lilaw_stream_synchronize(nullptr));
                            }
                          }});
    measure(csv, rows, classes, std::move(variants));
  }
}
