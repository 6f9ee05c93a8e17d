/** Every kind of kernel with real threads, for the thread sanitizer. test.cpp checks the results. */
#include <cstdio>

#include "problem.h"

namespace {

int failures = 0;

template <class T>
void run(std::int64_t rows, std::int64_t classes, lilaw_loss loss, const char* transition = nullptr) {
  std::mt19937 random(1);
  Problem<T> problem(rows, classes, loss, random, 1);
  if (transition != nullptr) problem.set_transition(transition_named(transition, classes, random), 1);
  lilaw_weighted_loss_result weighted;
  lilaw_meta_gradient_result meta;
  lilaw_alignment_weights_result aligned;
  const bool ok = problem.alignment_weights(aligned) == LILAW_OK && problem.meta_step(meta) == LILAW_OK &&
                  problem.weighted_loss(weighted, true, LILAW_FULL, LILAW_BATCH_MEAN) == LILAW_OK &&
                  std::isfinite(weighted.objective) && meta.moved == 1;
  if (!ok) failures++;
  std::printf("%s loss %d [%lld, %lld] %s\n", ok ? "ran" : "FAILED", loss.kind, static_cast<long long>(rows),
              static_cast<long long>(classes), transition != nullptr ? transition : "");
  std::fflush(stdout);
}

}  // namespace

int main() {
  for (const lilaw_loss& loss : every_loss()) run<float>(5, has_one_logit(loss) ? 1 : 10, loss);
  for (const int classes : {30, 100, 1000}) run<float>(2, classes, {LILAW_CROSS_ENTROPY, 0});
  // One block for each row: with three rows and two blocks, one of them loops.
  run<__half>(3, 1200, {LILAW_LABEL_SMOOTHING, 0.125});
  run<__nv_bfloat16>(3, 5000, {LILAW_FOCAL, 2});
  run<float>(3, 1100, {LILAW_MULTI_LABEL, 0});
  run<float>(1, 17000, {LILAW_CROSS_ENTROPY, 0});
  for (const lilaw_loss& loss : every_loss()) {
    if (of_label_prob(loss)) run<float>(3, 10, loss, "symmetric");
  }
  run<__half>(3, 300, {LILAW_CROSS_ENTROPY, {}}, "pair flip");
  return failures == 0 ? 0 : 1;
}
