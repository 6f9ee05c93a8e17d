/** How a program of this package can end, as its exit status tells. */
export const exitStatus = {
  finished: 0,
  unexpected: 1,
  refused: 2,
  stopped: 130,
  unread: 141,
} as const;

/** For `--help`; no line is longer than the narrowest of usual terminals. */
export const exitStatusHelp = `
Exit status:
    0  finished
    1  an unexpected error (LILAW_DEBUG=1 shows its stack)
    2  bad input, or a folder or output that cannot be
       written: one error with a code
  130  stopped by Ctrl-C, SIGTERM or SIGHUP
  141  stopped because nobody reads the output any more
A run that was stopped or killed, or that could not be
written, goes on with --resume.`;
