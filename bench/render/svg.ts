// The letters of every chart: elements, safe text, finite numbers, and the frame with its title. Colours are classes, so
// that a page or a stand-alone file decides them once for light, dark and print.

export const seriesCount = 6;

/** What a chart says to who cannot see it. */
export interface ChartText {
  readonly title: string;
  readonly description: string;
}

/** A chart that has been drawn, and not yet been made a file or a part of a page. */
export interface Drawing extends ChartText {
  readonly width: number;
  readonly height: number;
  readonly inner: string;
}

type Attributes = Readonly<Record<string, string | number>>;

/** For text between tags and for attributes, in XML and HTML alike. */
export function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;' },
    ...{ '"': '&quot;', "'": '&#39;' },
  };
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML cannot hold them, not even escaped
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, '\ufffd')
      .toWellFormed()
      .replace(/[&<>"']/g, (character) => entities[character] ?? character)
  );
}

/** `inner` is markup already; a number that is not finite is a fault of the caller. */
export function element(name: string, attributes: Attributes, inner = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${attribute(key, value)}"`);
  return `<${name}${written.join('')}${inner === '' ? '/>' : `>${inner}</${name}>`}`;
}

function attribute(key: string, value: string | number): string {
  if (typeof value === 'string') return escaped(value);
  if (!Number.isFinite(value))
    throw new RangeError(`${key} must be a finite number, got ${value}: leave the point out`);
  return String(Math.round(value * 100) / 100);
}

export function label(text: string, attributes: Attributes): string {
  return element('text', attributes, escaped(text) || ' ');
}

/** A chart by itself. The description is read aloud in place of the drawing. */
export function svgOf({ title, description, width, height, inner }: Drawing): string {
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height };
  const spoken = `${element('title', {}, escaped(title))}${element('desc', {}, escaped(description))}`;
  return element('svg', { ...attributes, class: 'chart', role: 'img' }, spoken + inner);
}

/** Roughly how wide a text is drawn: enough to place what stands beside it. */
export function widthOf(text: string, size = 12): number {
  return text.length * size * 0.56;
}

export function shortened(text: string, width: number): string {
  const length = Math.max(2, Math.floor(width / widthOf('x')));
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Each series has a colour and a shape, so that it is told apart without colours too. */
export function marker(index: number, { x, y }: { readonly x: number; readonly y: number }, title: string): string {
  const spoken = element('title', {}, escaped(title));
  const attributes = { class: `mark s${index % seriesCount}` };
  const corners = (points: readonly (readonly [number, number])[]): string => {
    return points.map(([dx, dy]) => `${round(x + dx)},${round(y + dy)}`).join(' ');
  };
  const polygon = (points: readonly (readonly [number, number])[]): string => {
    return element('polygon', { ...attributes, points: corners(points) }, spoken);
  };
  switch (index % 4) {
    case 0:
      return element('circle', { ...attributes, cx: x, cy: y, r: 4.2 }, spoken);
    case 1:
      return element('rect', { ...attributes, x: x - 3.8, y: y - 3.8, width: 7.6, height: 7.6 }, spoken);
    case 2:
      return polygon([
        [0, -5],
        [4.8, 3.8],
        [-4.8, 3.8],
      ]);
    default:
      return polygon([
        [0, -5.4],
        [5.4, 0],
        [0, 5.4],
        [-5.4, 0],
      ]);
  }
}

function round(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError(`points must be finite numbers, got ${value}: leave the point out`);
  return Math.round(value * 100) / 100;
}

/** `M` and `L` through the points. */
export function pathThrough(points: readonly { readonly x: number; readonly y: number }[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('');
}
