/**
 * The operations of the C ABI where memory runs out: each allocation in turn fails, alone or with all that follow it.
 *
 * A call then gives the same bits or LILAW_OUT_OF_MEMORY. It writes nothing beyond its outputs, loses no memory, and ends.
 * Every case runs in a forked process, whose pool of threads is still to be made and which may die or hang by itself.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../failing/operator_new.h"
#include "batch_of.h"

namespace {

constexpr std::int64_t kRows = 300;
constexpr std::int64_t kMargin = 16;
constexpr float kUntouched = -7;

/** Floats with a margin on both sides. */
struct Guarded {
  std::vector<float> all;
  explicit Guarded(std::int64_t length) : all(static_cast<std::size_t>(length + 2 * kMargin), kUntouched) {}
  float* data() { return all.data() + kMargin; }
  bool intact() const {
    for (std::int64_t i = 0; i < kMargin; i++) {
      if (all[i] != kUntouched || all[all.size() - 1 - i] != kUntouched) return false;
    }
    return true;
  }
  bool operator==(const Guarded& other) const {
    return std::memcmp(all.data(), other.all.data(), all.size() * sizeof(float)) == 0;
  }
};

/** All operations on one batch, and what they gave. */
struct Calls {
  std::int64_t classes;
  lilaw_loss loss;
  lilaw_params params{10, 2, 6};
  std::vector<float> logits, tangents, targets, transition;
  std::vector<std::int32_t> labels;
  std::vector<std::uint8_t> flags;
  Guarded losses, weights, gradient;
  lilaw_weighted_loss_result weighted{};
  lilaw_meta_gradient_result meta{};
  lilaw_alignment_weights_result aligned{};

  explicit Calls(const LossCase& of)
      : classes(lilaw::has_one_logit(lilaw::traits_of(of.loss).label) ? 1 : 200),
        loss(of.loss),
        transition(of.transition ? transition_of(classes) : std::vector<float>()),
        losses(kRows),
        weights(kRows),
        gradient(kRows * classes) {
    for (std::int64_t i = 0; i < kRows; i++) {
      labels.push_back(static_cast<std::int32_t>(classes == 1 ? i % 2 : i * 7 % classes));
      targets.push_back(static_cast<float>(i % 5));
      for (std::int64_t k = 0; k < classes; k++) {
        logits.push_back(static_cast<float>((i * 31 + k * 17) % 23) / 4);
        tangents.push_back(static_cast<float>((i * 13 + k * 29) % 19 - 9));
        flags.push_back((i + k) % 3 == 0);
      }
    }
  }

  /** The first status that is not LILAW_OK. */
  lilaw_status run() {
    lilaw_weighted_loss_args whole{};
    whole.batch = batch_of(*this, kRows);
    whole.params = &params;
    whole.normalize = LILAW_BATCH_MEAN;
    whole.losses = losses.data();
    whole.grad_logits = gradient.data();
    whole.grad_stride = classes;
    whole.result = &weighted;
    lilaw_meta_gradient_args sums{};
    sums.batch = whole.batch;
    sums.params = &params;
    sums.result = &meta;
    lilaw_alignment_weights_args along{};
    along.batch = whole.batch;
    along.tangents = tangents.data();
    along.tangents_stride = classes;
    along.weights = weights.data();
    along.result = &aligned;
    const lilaw_status first = lilaw_weighted_loss_cpu(&whole);
    const lilaw_status second = lilaw_meta_gradient_cpu(&sums);
    const lilaw_status third = lilaw_alignment_weights_cpu(&along);
    return first != LILAW_OK ? first : second != LILAW_OK ? second : third;
  }

  bool intact() const { return losses.intact() && weights.intact() && gradient.intact(); }

  bool operator==(const Calls& other) const {
    return losses == other.losses && weights == other.weights && gradient == other.gradient &&
           weighted.objective == other.weighted.objective && meta.gradient.alpha == other.meta.gradient.alpha;
  }
};

enum Outcome { kGood, kEveryAllocationWorked, kWrongStatus, kWrongBits, kWrittenBeyond, kLeak };
const char* const outcomes[] = {"good", "good", "another status", "other bits", "a write beyond an output", "a leak"};

/** In a process of its own: calls of which allocation `number` fails, and as many after it. */
Outcome outcome_of(Calls& calls, const Calls& expected, long number, long many) {
  const long from = allocations + number;
  fail_to = from + many;
  fail_from = from;
  const lilaw_status failing = calls.run();
  const bool reached = allocations > from;
  fail_from = fail_to = -1;
  if (!calls.intact()) return kWrittenBeyond;
  if (failing != LILAW_OK && failing != LILAW_OUT_OF_MEMORY) return kWrongStatus;
  if (failing == LILAW_OK && !(calls == expected)) return kWrongBits;
  // With memory again, all is as it should be, and nothing grows.
  if (calls.run() != LILAW_OK) return kWrongStatus;
  if (!calls.intact()) return kWrittenBeyond;
  if (!(calls == expected)) return kWrongBits;
  const long before = live;
  for (int i = 0; i < 3; i++) calls.run();
  if (live > before) return kLeak;
  return reached ? kGood : kEveryAllocationWorked;
}

/** Whether there was such an allocation to fail; ends the program if the outcome is bad. */
bool test(Calls& calls, const Calls& expected, long number, long many) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(outcome_of(calls, expected, number, many));
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int outcome = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (outcome == kGood || outcome == kEveryAllocationWorked) return outcome == kGood;
  std::printf("loss %d, %s %ld fails: %s (status %d)\n", calls.loss.kind, many == 1 ? "allocation" : "all from", number,
              outcome < 0                                      ? "the process died"
              : outcome < int(sizeof outcomes / sizeof *outcomes) ? outcomes[outcome]
                                                               : "a report of a sanitizer",
              status);
  std::exit(1);
}

}  // namespace

int main() {
  long failed = 0;
  for (const LossCase& of : every_loss()) {
    // One thread makes no others, so this process has none when it forks.
    lilaw_set_threads(1);
    Calls expected(of);
    if (expected.run() != LILAW_OK) return 1;
    Calls calls(of);
    lilaw_set_threads(4);
    for (const long many : {1L, 1L << 40}) {
      for (long number = 0; test(calls, expected, number, many); number++) failed++;
    }
  }
  std::printf("%ld allocations failed, done\n", failed);
  return failed > 0 ? 0 : 1;
}
