// Whether a text is well-formed XML of the plain kind that the bench draws: tags that nest and close, attributes once
// and in quotes, no bare `&` or `<`. Node has no XML parser of its own.

/** Throws at the first place where it is not. */
export function wellFormed(text: string): void {
  const tag = /<(?:\/([\w-]+)|([\w-]+)((?: [\w:-]+="[^"<]*")*)(\/?))>/y;
  const words = /[^<]*/y;
  const open: string[] = [];
  let roots = 0;
  for (let at = 0; at < text.length; ) {
    words.lastIndex = at;
    const between = words.exec(text)?.[0] ?? '';
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(between)) throw new Error(`bare & in "${between}"`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has none of them
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(between)) throw new Error(`control character in "${between}"`);
    if (open.length === 0 && between.trim() !== '') throw new Error(`text outside of the root: "${between}"`);
    at += between.length;
    if (at === text.length) break;
    tag.lastIndex = at;
    const found = tag.exec(text);
    if (found === null) throw new Error(`no tag at "${text.slice(at, at + 80)}"`);
    const [whole, closes, opens = '', attributes = '', isEmpty] = found;
    if (closes !== undefined && open.pop() !== closes) throw new Error(`</${closes}> closes nothing`);
    const names = [...attributes.matchAll(/ ([\w:-]+)=/g)].map(([, name]) => name);
    if (new Set(names).size < names.length) throw new Error(`an attribute twice in ${whole}`);
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(attributes)) throw new Error(`bare & in ${whole}`);
    if (closes === undefined && open.length === 0) roots += 1;
    if (closes === undefined && isEmpty === '') open.push(opens);
    at += whole.length;
  }
  if (open.length > 0 || roots !== 1) throw new Error(`one root that closes, got ${roots}, open: ${open.join(', ')}`);
}
