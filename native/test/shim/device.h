/**
 * Runs CUDA kernels on the host, thread by thread, from their own source. It defines the parts of CUDA's language and
 * runtime that the kernels use, for a compiler without CUDA.
 *
 * Blocks run one after the other, so `__shared__` is a static variable. The threads of a block are fibres of one system
 * thread, which is fast; with LILAW_SHIM_THREADS they are system threads, which the thread sanitizer watches. Barriers
 * are real in both cases: if a thread of a block or warp does not arrive, the program ends.
 *
 * LILAW_SHIM_WITHOUT=<file>:<line> in the environment removes the barrier on that line, to show that the tests detect
 * it.
 */
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#if defined(LILAW_SHIM_THREADS)
#include <pthread.h>
#endif

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

/** Position of the running block */
inline dim3 blockIdx;
inline dim3 gridDim;

namespace shim {

constexpr unsigned kWarp = 32;

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "shim: %s\n", what);
  std::abort();
}

#if defined(LILAW_SHIM_THREADS)

class Barrier {
 public:
  explicit Barrier(unsigned threads) { pthread_barrier_init(&barrier_, nullptr, threads); }
  ~Barrier() { pthread_barrier_destroy(&barrier_); }
  Barrier(const Barrier&) = delete;
  void wait() { pthread_barrier_wait(&barrier_); }

 private:
  pthread_barrier_t barrier_;
};

/** Calls body(0) ... body(count - 1) concurrently. */
inline void run_together(unsigned count, const std::function<void(unsigned)>& body) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; i++) threads.emplace_back(body, i);
  for (auto& thread : threads) thread.join();
}

#else

/** Fibres that take turns. Each runs until it waits for the others. */
class Fibres {
 public:
  static Fibres& here() {
    static Fibres fibres;
    return fibres;
  }

  void run(unsigned count, const std::function<void(unsigned)>& body) {
    while (stacks_.size() < count) stacks_.emplace_back(new char[kStackBytes]);
    body_ = &body;
    contexts_.resize(count);
    done_.assign(count, false);
    for (unsigned i = 0; i < count; i++) {
      getcontext(&contexts_[i]);
      contexts_[i].uc_stack.ss_sp = stacks_[i].get();
      contexts_[i].uc_stack.ss_size = kStackBytes;
      contexts_[i].uc_link = &main_;
      makecontext(&contexts_[i], &Fibres::enter, 0);
    }
    for (unsigned left = count; left > 0;) {
      progress_ = false;
      for (current_ = 0; current_ < count; current_++) {
        if (done_[current_]) continue;
        on_switch(current_);
        swapcontext(&main_, &contexts_[current_]);
        if (done_[current_]) left--;
      }
      if (left > 0 && !progress_) fail("the threads of a block wait for each other for ever");
    }
  }

  void yield() { swapcontext(&contexts_[current_], &main_); }
  void made_progress() { progress_ = true; }

  /** Called before a fibre goes on. */
  std::function<void(unsigned)> on_switch = [](unsigned) {};

 private:
  static constexpr std::size_t kStackBytes = 64 * 1024;

  static void enter() {
    Fibres& fibres = here();
    (*fibres.body_)(fibres.current_);
    fibres.done_[fibres.current_] = true;
    fibres.progress_ = true;
  }

  const std::function<void(unsigned)>* body_ = nullptr;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<ucontext_t> contexts_;
  std::vector<bool> done_;
  ucontext_t main_;
  unsigned current_ = 0;
  bool progress_ = false;
};

class Barrier {
 public:
  explicit Barrier(unsigned threads) : threads_(threads) {}
  Barrier(const Barrier&) = delete;

  void wait() {
    Fibres::here().made_progress();
    const unsigned long turn = turn_;
    if (++arrived_ == threads_) {
      arrived_ = 0;
      turn_++;
      return;
    }
    while (turn == turn_) Fibres::here().yield();
  }

 private:
  unsigned threads_;
  unsigned arrived_ = 0;
  unsigned long turn_ = 0;
};

inline void run_together(unsigned count, const std::function<void(unsigned)>& body) {
  Fibres::here().run(count, body);
}

#endif

struct Warp {
  Barrier barrier{kWarp};
  /** Values that the lanes exchange. They have two places in turn, so that one barrier for each exchange is enough. */
  unsigned char slots[2][kWarp][8] = {};
};

struct Block {
  explicit Block(unsigned threads) : barrier(threads), warps(threads / kWarp) {}
  Barrier barrier;
  std::vector<Warp> warps;
};

/** The position of a thread. */
struct Self {
  dim3 thread_index;
  Block* block = nullptr;
  unsigned exchanges = 0;
};

#if defined(LILAW_SHIM_THREADS)
inline thread_local Self self;
inline Self& me() { return self; }
#else
inline std::vector<Self> selves;
inline unsigned running = 0;
inline Self& me() { return selves[running]; }
#endif

inline bool is_taken_away(const char* file, int line) {
  static const char* const without = std::getenv("LILAW_SHIM_WITHOUT");
  if (without == nullptr) return false;
  const std::string here = std::string(file) + ":" + std::to_string(line);
  const std::string wanted = std::string("/") + without;
  return here.size() >= wanted.size() && here.compare(here.size() - wanted.size(), wanted.size(), wanted) == 0;
}

inline Warp& my_warp() { return me().block->warps[me().thread_index.x / kWarp]; }
inline unsigned my_lane() { return me().thread_index.x % kWarp; }

inline void sync_block(const char* file, int line) {
  if (!is_taken_away(file, line)) me().block->barrier.wait();
}

inline void sync_warp(const char* file, int line) {
  if (!is_taken_away(file, line)) my_warp().barrier.wait();
}

/** The value of another lane. Every lane of the warp calls it. */
template <class V>
V exchange(V value, unsigned from) {
  static_assert(sizeof(V) <= 8, "a slot");
  Warp& warp = my_warp();
  auto& slots = warp.slots[me().exchanges++ % 2];
  std::memcpy(slots[my_lane()], &value, sizeof value);
  warp.barrier.wait();
  std::memcpy(&value, slots[from], sizeof value);
  return value;
}

template <class Body>
void run_grid(dim3 grid, dim3 block, const Body& body) {
  if (block.x % kWarp != 0 || block.x > 1024 || block.y * block.z * grid.y * grid.z != 1) fail("unforeseen shape");
  gridDim = grid;
#if !defined(LILAW_SHIM_THREADS)
  Fibres::here().on_switch = [](unsigned i) { running = i; };
#endif
  for (unsigned b = 0; b < grid.x; b++) {
    blockIdx = dim3(b);
    Block state(block.x);
#if !defined(LILAW_SHIM_THREADS)
    selves.assign(block.x, Self());
#endif
    run_together(block.x, [&](unsigned i) {
#if !defined(LILAW_SHIM_THREADS)
      running = i;
#endif
      me() = Self{dim3(i), &state, 0};
      body();
    });
  }
}

}  // namespace shim
