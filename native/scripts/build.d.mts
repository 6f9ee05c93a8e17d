/** The folders of node_api.h and napi.h. */
export function nodeIncludes(): string[];
/** Builds the addon if it must be built; returns whether there is one, and what to tell people. */
export function buildNative(): { works: boolean; message: string };
