/** The batch of a test's own arrays. */
#pragma once

#include <cstdint>
#include <vector>

#include "../../src/math/loss_traits.h"
#include "lilaw.h"

/** A loss and whether it is under a transition matrix. */
struct LossCase {
  lilaw_loss loss;
  bool transition;
};

/** Every loss, with parameters of 0.5 where it can have them, and every loss of u under a transition matrix, too. */
inline std::vector<LossCase> every_loss() {
  std::vector<LossCase> all;
  for (const lilaw::LossTraits& traits : lilaw::kLosses) {
    lilaw_loss loss = {traits.kind, {}};
    for (int i = 0; i < traits.parameter_count; i++) loss.parameters[i] = traits.parameters[i].most > 0 ? 0.5 : -0.5;
    all.push_back({loss, false});
    if (traits.of_label_prob) all.push_back({loss, true});
  }
  return all;
}

/** Each label comes from its own class, or from the next. */
inline std::vector<float> transition_of(std::int64_t classes) {
  std::vector<float> by_label(static_cast<std::size_t>(classes * classes));
  for (std::int64_t at = 0; at < classes * classes; at++) {
    const std::int64_t apart = (at % classes - at / classes + classes) % classes;
    by_label[static_cast<std::size_t>(at)] = apart == 0 ? 0.75f : apart == 1 ? 0.25f : 0.0f;
  }
  return by_label;
}

/**
 * `Arrays` has a `loss`, the number of its `classes`, its `logits`, and labels of every type: `labels`, `flags` of a
 * multi-label loss and `targets` of a regression; `transition` is a matrix, or empty. Rows lie behind each other.
 */
template <class Arrays>
lilaw_batch batch_of(const Arrays& arrays, std::int64_t rows) {
  lilaw_batch batch{};
  batch.logits = arrays.logits.data();
  batch.rows = rows;
  batch.classes = batch.logits_stride = batch.labels_stride = arrays.classes;
  batch.labels = arrays.labels.data();
  if (arrays.loss.kind == LILAW_MULTI_LABEL) batch.labels = arrays.flags.data();
  if (arrays.loss.kind == LILAW_REGRESSION) batch.labels = arrays.targets.data();
  batch.loss = arrays.loss;
  batch.transition = arrays.transition.empty() ? nullptr : arrays.transition.data();
  batch.transition_stride = arrays.classes;
  return batch;
}
