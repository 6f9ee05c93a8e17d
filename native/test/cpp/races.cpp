/**
 * Calls from two threads while others write to what they read, change the number of threads and the instruction set.
 *
 * Labels are read by atomic loads, so ThreadSanitizer has nothing to say about them. Logits, tangents and the other floats
 * are read as vectors, whose races no standard defines: they are left out there, and AddressSanitizer sees that nothing
 * beyond the arrays is touched whatever they hold.
 */
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "batch_of.h"

namespace {

constexpr std::int64_t kRows = 600;
constexpr int kCalls = 30;

std::atomic<bool> stopped{false};

class Random {
 public:
  explicit Random(std::uint32_t seed) : state_(seed) {}
  std::size_t below(std::size_t limit) {
    state_ = state_ * 1103515245u + 12345u;
    return (state_ >> 8) % limit;
  }

 private:
  std::uint32_t state_;
};

template <class T>
void put(std::vector<T>& all, std::size_t at, T value) {
  __atomic_store(&all[at], &value, __ATOMIC_RELAXED);
}

struct Shared {
  lilaw_loss loss;
  std::int64_t classes;
  std::vector<float> logits, tangents, factors, targets, transition;
  std::vector<std::int32_t> labels;
  std::vector<std::uint8_t> flags;

  Shared(const LossCase& of, std::int64_t classes)
      : loss(of.loss),
        classes(classes),
        logits(static_cast<std::size_t>(kRows * classes), 0.25f),
        tangents(logits.size(), -0.5f),
        factors(kRows, 1),
        targets(kRows, 1),
        transition(of.transition ? transition_of(classes) : std::vector<float>()),
        labels(kRows, 0),
        flags(logits.size(), 0) {}

  /** Bad labels for a moment only, since no call would ever begin. */
  void write_labels() {
    Random random(1);
    while (!stopped) {
      const std::size_t row = random.below(kRows);
      const std::size_t flag = random.below(flags.size());
      const bool bad = random.below(8) == 0;
      put(labels, row, bad ? INT32_MAX : static_cast<std::int32_t>(random.below(2)));
      put(flags, flag, static_cast<std::uint8_t>(bad ? 255 : random.below(2)));
      put(targets, row, bad ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(random.below(9)));
      put(labels, row, 0);
      put(flags, flag, std::uint8_t{0});
      put(targets, row, 2.0f);
    }
  }

  void write_floats() {
    const float values[] = {0, -0.0f, 1, 100, 3.4e38f, -3.4e38f, 1e-45f, INFINITY, -INFINITY, NAN};
    Random random(2);
    while (!stopped) {
      for (std::vector<float>* all : {&logits, &tangents, &factors, &transition}) {
        if (all->empty()) continue;
        put(*all, random.below(all->size()), values[random.below(std::size(values))]);
      }
    }
  }
};

/** Ends the program unless the call was done, or refused a label that was there when it looked. */
bool done(lilaw_status status) {
  if (status == LILAW_OK) return true;
  const std::string message = lilaw_last_error();
  if (message.find(" for labels[") != std::string::npos) return false;
  std::printf("%s\n", message.c_str());
  std::exit(1);
}

void call(const Shared& shared, std::atomic<int>& good) {
  std::vector<float> losses(kRows), weights(kRows), gradient(shared.logits.size());
  std::vector<std::int32_t> predictions(kRows);
  const lilaw_params params{10, 2, 6};
  for (int i = 0; i < kCalls; i++) {
    lilaw_weighted_loss_result result;
    lilaw_weighted_loss_args args{};
    args.batch = batch_of(shared, kRows);
    args.params = &params;
    args.normalize = LILAW_BATCH_MEAN;
    args.sample_weights = shared.factors.data();
    args.losses = losses.data();
    args.predictions = predictions.data();
    args.grad_logits = gradient.data();
    args.grad_stride = shared.classes;
    args.result = &result;
    good += done(lilaw_weighted_loss_cpu(&args));

    lilaw_meta_gradient_result meta;
    lilaw_meta_gradient_args sums{};
    sums.batch = args.batch;
    sums.params = &params;
    sums.coefficients = shared.factors.data();
    sums.result = &meta;
    good += done(lilaw_meta_gradient_cpu(&sums));

    lilaw_alignment_weights_result aligned;
    lilaw_alignment_weights_args along{};
    along.batch = args.batch;
    along.tangents = shared.tangents.data();
    along.tangents_stride = shared.classes;
    along.weights = weights.data();
    along.result = &aligned;
    good += done(lilaw_alignment_weights_cpu(&along));
  }
}

void change_settings() {
  Random random(3);
  const char* const names[] = {"sse2", "avx2", "avx512", "neon", "baseline"};
  while (!stopped) {
    lilaw_set_threads(static_cast<std::int32_t>(1 + random.below(4)));
    lilaw_set_cpu_isa(names[random.below(std::size(names))]);
    std::this_thread::yield();
  }
}

/** How many calls were done. */
int race(const LossCase& of, std::int64_t classes) {
  Shared shared(of, classes);
  std::atomic<int> good{0};
  stopped = false;
  std::vector<std::thread> others;
  others.emplace_back([&] { shared.write_labels(); });
#if !defined(__SANITIZE_THREAD__)
  others.emplace_back([&] { shared.write_floats(); });
#endif
  others.emplace_back(change_settings);
  std::thread second([&] { call(shared, good); });
  call(shared, good);
  second.join();
  stopped = true;
  for (std::thread& thread : others) thread.join();
  return good;
}

}  // namespace

int main() {
  for (const LossCase& of : every_loss()) {
    const bool single = lilaw::has_one_logit(lilaw::traits_of(of.loss).label);
    for (const std::int64_t classes : {19, 500}) {
      const int good = race(of, single ? 1 : classes);
      if (good > 0) continue;
      std::printf("loss %d%s: no call was done\n", of.loss.kind, of.transition ? " under a transition matrix" : "");
      return 1;
    }
  }
  std::printf("done\n");
  return 0;
}
