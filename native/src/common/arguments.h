/** The checks of arguments that both forms of an operation share. No check reads through a pointer. */
#pragma once

#include "error.h"

namespace lilaw {

lilaw_status check(const lilaw_weighted_loss_args* args);
lilaw_status check(const lilaw_meta_gradient_args* args);
lilaw_status check(const lilaw_meta_step_args* args);
lilaw_status check(const lilaw_alignment_weights_args* args);

}  // namespace lilaw

/** Returns from the function with the status of `call` unless that is LILAW_OK. */
#define LILAW_TRY(call)                           \
  do {                                            \
    const lilaw_status lilaw_try_status = (call); \
    if (lilaw_try_status != LILAW_OK) return lilaw_try_status; \
  } while (0)
