/** Fingerprint of the addon's layout, written by scripts/layout-hash.mjs. */
export const layoutHash = "2e12d53d80eecec6";
