// A table, before it is known whether it will be text, Markdown or HTML.

export interface Column {
  readonly title: string;
  /** Figures stand at the right, words at the left. */
  readonly isFigure: boolean;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** One column of a table of `T`s. */
export interface Field<T> {
  readonly title: string;
  readonly of: (item: T) => string;
  readonly isWord?: true;
}

export function tableOf<T>(items: readonly T[], fields: readonly Field<T>[]): Table {
  return {
    columns: fields.map(({ title, isWord }) => ({ title, isFigure: isWord !== true })),
    rows: items.map((item) => fields.map((field) => field.of(item))),
  };
}
