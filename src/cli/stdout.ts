// Standard output for reports: what is printed waits for whoever reads it, and ends when they go away.

/** Characters that are written at once. */
const partSizeMax = 64 * 1024;

/** Columns of the terminal; null where there is none. */
export function stdoutColumns(): number | null {
  // A terminal that does not know its size says 0.
  return process.stdout.isTTY === true ? process.stdout.columns || 80 : null;
}

/** Prints, and resolves with whether it could. Trouble other than a reader that has gone is told in main.ts. */
export function print(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(!error));
  });
}

/** Prints one text after another, taking the next ones only while somebody reads. */
export async function printAll(texts: Iterable<string>): Promise<void> {
  let part = '';
  for (const text of texts) {
    part += text;
    if (part.length < partSizeMax) continue;
    if (!(await print(part))) return;
    part = '';
  }
  if (part !== '') await print(part);
}

/**
 * Sends whatever else is written to standard output to standard error, and gives the way to standard output: what
 * handlers print must not mix with the one object that a program reads.
 */
export function takeStdout(): (text: string) => Promise<void> {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  return (text) => printTo({ write }, text);
}

/** Resolves when the text is written, or cannot be because the reader has gone away. */
export function printTo(stream: Pick<NodeJS.WriteStream, 'write'>, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
