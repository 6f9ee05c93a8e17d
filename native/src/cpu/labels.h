/**
 * Reading of labels. Another thread may write to them during a call: a Worker, in a SharedArrayBuffer. So each read is
 * an atomic load into a local variable, and a label that is used as an index has its range checked after that load,
 * since it may differ from the one read before.
 */
#pragma once

namespace {

template <class T>
static inline __attribute__((always_inline)) T read_label(const T* label) {
  T value;
  __atomic_load(const_cast<T*>(label), &value, __ATOMIC_RELAXED);
  return value;
}

}  // namespace
