/** Chooses the instruction set at run time. */
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "../common/error.h"
#include "kernels.h"

namespace lilaw {

#if defined(__x86_64__)
extern const Kernels kernels_avx512;
extern const Kernels kernels_avx2;
extern const Kernels kernels_sse2;
#elif defined(__aarch64__)
extern const Kernels kernels_neon;
#else
extern const Kernels kernels_baseline;
#endif

namespace {

struct Candidate {
  const Kernels* kernels;
  bool (*runs_here)();
};

bool always() { return true; }

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

constexpr char kNames[] = "avx512, avx2 or sse2, and one that this processor has";
const Candidate kCandidates[] = {{&kernels_avx512, has_avx512}, {&kernels_avx2, has_avx2}, {&kernels_sse2, always}};
#elif defined(__aarch64__)
constexpr char kNames[] = "neon";
const Candidate kCandidates[] = {{&kernels_neon, always}};
#else
constexpr char kNames[] = "baseline";
const Candidate kCandidates[] = {{&kernels_baseline, always}};
#endif

/** The best kernels that run here, or those of this name; null if there are none. */
const Kernels* find(const char* name) {
  for (const Candidate& candidate : kCandidates) {
    if (name != nullptr && std::strcmp(name, candidate.kernels->isa) != 0) continue;
    if (candidate.runs_here()) return candidate.kernels;
  }
  return nullptr;
}

const char* environment_choice() {
  const char* name = std::getenv("LILAW_CPU");
  return name != nullptr && *name != '\0' ? name : nullptr;
}

/** Null until the first use, and after a choice that cannot run. */
std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

const Kernels* kernels() {
  if (const Kernels* table = chosen.load(std::memory_order_relaxed)) return table;
  const char* name = environment_choice();
  const Kernels* table = find(name);
  if (table == nullptr) {
    fail(LILAW_UNSUPPORTED, "Expected %s for LILAW_CPU but received \"%s\"", kNames, name);
    return nullptr;
  }
  chosen = table;
  return table;
}

}  // namespace lilaw

extern "C" {

const char* lilaw_cpu_isa(void) {
  const lilaw::Kernels* table = lilaw::kernels();
  return table != nullptr ? table->isa : "none";
}

lilaw_status lilaw_set_cpu_isa(const char* name) {
  const lilaw::Kernels* table = lilaw::find(name);
  if (table == nullptr) {
    return lilaw::fail(LILAW_UNSUPPORTED, "Expected %s for the instruction set but received \"%s\"",
                       lilaw::kNames, name);
  }
  lilaw::chosen = table;
  return LILAW_OK;
}
}
