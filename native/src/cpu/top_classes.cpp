#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels.h"

namespace lilaw {

void top_classes(const float* logits, std::int64_t classes, std::int64_t count, std::uint8_t* is_top) {
  std::memset(is_top, 0, static_cast<std::size_t>(classes));
  if (count == 0) return;
  static thread_local std::vector<float> sorted;
  sorted.assign(logits, logits + classes);
  std::nth_element(sorted.begin(), sorted.begin() + (count - 1), sorted.end(), std::greater<float>());
  const float least = sorted[static_cast<std::size_t>(count - 1)];

  std::int64_t ties = count;
  for (std::int64_t k = 0; k < classes; k++) {
    is_top[k] = logits[k] > least;
    ties -= is_top[k];
  }
  for (std::int64_t k = 0; ties > 0 && k < classes; k++) {
    if (logits[k] != least) continue;
    is_top[k] = 1;
    ties--;
  }
}

std::uint8_t* row_flags(std::int64_t rows, std::int64_t classes) {
  static thread_local std::vector<std::uint8_t> flags;
  const auto size = static_cast<std::size_t>(rows * classes);
  if (flags.size() < size) flags.resize(size);
  return flags.data();
}

}  // namespace lilaw
