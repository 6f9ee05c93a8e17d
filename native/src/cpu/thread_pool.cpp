#include "thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

namespace lilaw {
namespace {

int default_threads() {
  const char* text = std::getenv("LILAW_THREADS");
  const long asked = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
  const long count = asked >= 1 ? asked : static_cast<long>(std::thread::hardware_concurrency());
  return static_cast<int>(count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count);
}

/** Time for which a thread looks for more work before it sleeps: waking it costs more than a small operation. */
constexpr std::chrono::microseconds kPatience{20};

template <class Condition>
bool spin_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    for (int i = 0; i < 64; i++) {
      if (condition()) return true;
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

struct Job {
  Work work;
  void* context;
  std::int64_t tasks;
  std::atomic<std::int64_t> next{0};

  void take_part() noexcept {
    for (std::int64_t task = next++; task < tasks; task = next++) work(context, task);
  }
};

/**
 * A job is open while its caller works on it. Threads that wake up in time take part; the caller waits for those and
 * never for threads that are still asleep.
 */
class ThreadPool {
 public:
  void run(Job& job, int limit) noexcept {
    // One loop at a time gets the threads. The caller of a second one, such as another Worker, runs its loop alone.
    const std::unique_lock<std::mutex> alone(callers_, std::try_to_lock);
    const int helpers = alone.owns_lock() ? helpers_for(job, limit) : 0;
    if (helpers == 0) return job.take_part();
    open(job, helpers);
    job.take_part();
    close();
  }

 private:
  int helpers_for(const Job& job, int limit) {
    const std::int64_t useful = job.tasks - 1;
    const int allowed = limit - 1;
    const int wanted = static_cast<int>(useful < allowed ? useful : allowed);
    try {
      for (; started_ < wanted; started_++) std::thread(&ThreadPool::serve, this, started_).detach();
    } catch (const std::exception&) {
      // The system can start no more threads; the existing ones are enough.
    }
    return started_ < wanted ? started_ : wanted;
  }

  void open(Job& job, int helpers) {
    {
      const std::lock_guard<std::mutex> lock(state_);
      job_ = &job;
      helpers_ = helpers;
      generation_++;
    }
    opened_.notify_all();
  }

  void close() {
    {
      const std::lock_guard<std::mutex> lock(state_);
      job_ = nullptr;
    }
    if (spin_until([this] { return active_.load() == 0; })) return;
    std::unique_lock<std::mutex> lock(state_);
    left_.wait(lock, [this] { return active_.load() == 0; });
  }

  [[noreturn]] void serve(int number) {
    std::uint64_t seen = 0;
    for (;;) {
      spin_until([&] { return generation_.load() != seen; });
      std::unique_lock<std::mutex> lock(state_);
      opened_.wait(lock, [&] { return generation_.load() != seen; });
      seen = generation_.load();
      if (job_ == nullptr || number >= helpers_) continue;
      Job& job = *job_;
      active_++;
      lock.unlock();
      job.take_part();
      lock.lock();
      if (--active_ == 0) left_.notify_one();
    }
  }

  std::mutex callers_;
  std::mutex state_;
  std::condition_variable opened_;
  std::condition_variable left_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> active_{0};
  Job* job_ = nullptr;
  int helpers_ = 0;
  int started_ = 0;
};

/** Memory of the pool. It is never destroyed, since its threads may outlive every static object of the process. */
alignas(ThreadPool) unsigned char pool_memory[sizeof(ThreadPool)];

ThreadPool* new_pool() noexcept { return new (pool_memory) ThreadPool; }

/**
 * A forked child has none of the pool's threads. The pool's locks and conditions are copied as they were at the fork:
 * held, or waited for, by threads that do not exist in the child. So the child creates a new pool in the same memory.
 */
ThreadPool* start() noexcept {
  pthread_atfork(nullptr, nullptr, [] { new_pool(); });
  return new_pool();
}

ThreadPool* const pool = start();

/** 0 until the first use. */
std::atomic<int> limit{0};

}  // namespace

int threads() {
  if (limit == 0) set_threads(0);
  return limit;
}

void set_threads(int count) { limit = count == 0 ? default_threads() : count; }

void run_parallel(std::int64_t tasks, Work work, void* context) noexcept {
  Job job{work, context, tasks};
  if (tasks == 1) return job.take_part();
  pool->run(job, threads());
}

}  // namespace lilaw
