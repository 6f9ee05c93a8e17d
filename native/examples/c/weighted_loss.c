/* LiLAW from plain C: one training batch, one step of the scalars. Build: see CMakeLists.txt or the README. */
#include <stdio.h>

#include "lilaw.h"

enum { ROWS = 4, CLASSES = 3 };

static int failed(lilaw_status status) {
  if (status == LILAW_OK) return 0;
  fprintf(stderr, "%s: %s\n", lilaw_status_text(status), lilaw_last_error());
  return 1;
}

int main(void) {
  const float logits[ROWS * CLASSES] = {2, 0, 0, 0, 3, 1, 1, 1, 1, 4, 0, 0};
  const int32_t labels[ROWS] = {0, 1, 2, 1};
  float weights[ROWS], gradient[ROWS * CLASSES];
  lilaw_params params = {10, 2, 6};

  /* Zero first: members that are not set below then mean "not asked for". */
  lilaw_weighted_loss_args train = {0};
  lilaw_weighted_loss_result result;
  train.batch.logits = logits;
  train.batch.rows = ROWS;
  train.batch.classes = train.batch.logits_stride = CLASSES;
  train.batch.labels = labels;
  train.params = &params;
  train.weights = weights;
  train.grad_logits = gradient;
  train.grad_stride = CLASSES;
  train.result = &result;
  if (failed(lilaw_weighted_loss_cpu(&train))) return 1;
  printf("objective %.6f\n", result.objective);
  for (int i = 0; i < ROWS; i++) printf("weight %d %.6f\n", i, (double)weights[i]);

  lilaw_meta_step_args step = {0};
  lilaw_meta_gradient_result meta;
  step.meta_gradient.batch = train.batch; /* your validation batch */
  step.meta_gradient.params = step.params = &params;
  step.meta_gradient.result = &meta;
  step.learning_rate = (lilaw_params){0.005, 0.005, 0.005};
  step.weight_decay = (lilaw_params){1e-4, 1e-4, 1e-4};
  if (failed(lilaw_meta_step_cpu(&step))) return 1;
  printf("params %.9f %.9f %.9f\n", params.alpha, params.beta, params.delta);
  return 0;
}
