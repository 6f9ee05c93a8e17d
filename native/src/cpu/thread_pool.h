/** A pool of persistent threads, for loops over ranges whose results do not depend on the thread that computes them. */
#pragma once

#include <cstdint>

namespace lilaw {

/** Largest number of threads that `run_parallel` uses, the caller's included. */
int threads();
/** 0: LILAW_THREADS, else the processors that this process may run on. */
void set_threads(int count);

constexpr int kMaxThreads = 256;

/** Runs a task of its context. It must not throw: the other threads would continue on a stack that no longer exists. */
using Work = void (*)(void* context, std::int64_t task) noexcept;

/** Calls work(context, task) once for each task in [0, tasks), and returns when all are done. Does not fail. */
void run_parallel(std::int64_t tasks, Work work, void* context) noexcept;

/** The same for anything that can be called and does not throw. */
template <class Callable>
void run_parallel(std::int64_t tasks, Callable& work) noexcept {
  static_assert(noexcept(work(tasks)), "a task must not throw");
  run_parallel(
      tasks, [](void* context, std::int64_t task) noexcept { (*static_cast<Callable*>(context))(task); }, &work);
}

}  // namespace lilaw
