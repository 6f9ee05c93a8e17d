/** The ways in which a program ends, as its exit status tells. */
export const exitStatus = {
  finished: 0,
  unexpected: 1,
  refused: 2,
  stopped: 130,
  unread: 141,
} as const;
