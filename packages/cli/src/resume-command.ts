/**
 * The command that finishes a run, as it works where this program was started: npm and its like have the command
 * `lilaw` on the path of what they start, but the user's shell has not.
 */
export function resumeCommand(folder: string): string {
  const lilaw = process.env.npm_config_user_agent ? "npx @lilaw/cli" : "lilaw";
  return `${lilaw} train --resume ${/[^\w@%+=:,./\\-]/.test(folder) ? quoted(folder) : folder}`;
}

/** As one word for a shell. */
function quoted(text: string): string {
  return process.platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
