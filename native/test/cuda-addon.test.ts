/**
 * The addon on device memory, and what @lilaw/core makes of it, without a GPU: the kernels run on the host (test/shim).
 * In one file, since it builds an addon of its own.
 */
import "./shim-addon.js";
import "./cuda/operations.js";
import "./cuda/buffers.js";
import "./cuda/graphs.js";
import "./cuda/bad-input.js";
import "./cuda/backend.js";
import "./cuda/device-api.js";
