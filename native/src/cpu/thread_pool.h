/** Threads that stay, for loops over ranges whose results do not depend on who computes them. */
#pragma once

#include <cstdint>

namespace lilaw {

/** Threads that `run_parallel` uses at most, the caller's included. */
int threads();
/** 0: LILAW_THREADS, else the processors that this process may run on. */
void set_threads(int count);

constexpr int kMaxThreads = 256;

/** Calls work(context, task) once for each task in [0, tasks), and returns when all are done. */
void run_parallel(std::int64_t tasks, void (*work)(void*, std::int64_t), void* context);

/** The same for anything that can be called. What it throws ends the process: it must not. */
template <class Work>
void run_parallel(std::int64_t tasks, Work& work) {
  run_parallel(
      tasks, [](void* context, std::int64_t task) { (*static_cast<Work*>(context))(task); }, &work);
}

}  // namespace lilaw
