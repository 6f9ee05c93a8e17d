/**
 * The command that finishes a run, as the user has to type it. Package managers have `lilaw` on the path of the programs
 * they start; the user's shell has not, so there the command begins with `npx`.
 */
export function resumeCommand(folder: string): string {
  const lilaw = process.env.npm_config_user_agent ? "npx @lilaw/cli" : "lilaw";
  return `${lilaw} train --resume ${/[^\w@%+=:,./\\-]/.test(folder) ? quoted(folder) : folder}`;
}

/** Quotes a text so that a shell reads it as one word. */
function quoted(text: string): string {
  return process.platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
