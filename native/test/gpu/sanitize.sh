#!/usr/bin/env bash
# Runs check.py, which lies beside it, under compute-sanitizer: sanitize.sh TOOL LIBRARY
# TOOL is memcheck, racecheck, initcheck or synccheck. PYTHON names the Python. Status 77: there is no compute-sanitizer.
set -euo pipefail

if ! command -v compute-sanitizer >/dev/null; then
  echo "compute-sanitizer is not installed"
  exit 77
fi
# Only the kernels of this library; the option's name has changed over the years.
only=$(compute-sanitizer --help | grep -o -e '--kernel-regex' -e '--filter' | head -n 1)
# PyTorch's allocator hides the ends of buffers: without it, memcheck sees them.
PYTORCH_NO_CUDA_MEMORY_CACHING=1 exec compute-sanitizer --tool "$1" --error-exitcode 9 ${only:+"$only" kns=lilaw} \
  "${PYTHON:-python3}" "$(dirname "$0")/check.py" "$2" --form cuda --cases 12 --rows 20 --long 2 --small
