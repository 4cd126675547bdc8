// One thing that is not tidy, and how it is printed.

export interface Finding {
  readonly path: string;
  /** Counted from 1; 1 also where the whole file is meant. */
  readonly line: number;
  /** What should hold, and what was found. */
  readonly rule: string;
  /** What to do about it. */
  readonly fix: string;
}

/** `file:line  the rule; what to do`. */
export function printed({ path, line, rule, fix }: Finding): string {
  return `${path}:${line}  ${rule}; ${fix}`;
}
