/** The batch of a test's own arrays. */
#pragma once

#include <cstdint>

#include "lilaw.h"

/**
 * `Arrays` has a `loss`, the number of its `classes`, its `logits`, and labels of every type: `labels`, `flags` of a
 * multi-label loss and `targets` of a regression. Rows lie behind each other.
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
  return batch;
}
