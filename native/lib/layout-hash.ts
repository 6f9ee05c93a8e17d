/** Fingerprint of the addon's layout, written by scripts/layout-hash.mjs. */
export const layoutHash = "5d8b79e12054175f";
