/** The exit statuses for `--help`, in lines that fit 60 columns. */
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
