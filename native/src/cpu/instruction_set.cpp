/**
 * The kernels for one instruction set. Compiled once for each, with its compiler flags and with
 * LILAW_ISA (its name) and LILAW_LANES (floats in a vector).
 */
#include "alignment_weights.h"
#include "meta_gradient.h"
#include "weighted_loss.h"

#define LILAW_JOIN(a, b) a##b
#define LILAW_TABLE(isa) LILAW_JOIN(kernels_, isa)
#define LILAW_TEXT(x) #x
#define LILAW_NAME(isa) LILAW_TEXT(isa)

namespace lilaw {

extern const Kernels LILAW_TABLE(LILAW_ISA);
const Kernels LILAW_TABLE(LILAW_ISA) = {LILAW_NAME(LILAW_ISA), weighted_loss, meta_gradient, alignments};

}  // namespace lilaw
