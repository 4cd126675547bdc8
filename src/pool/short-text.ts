// Short texts of ASCII are written into memory unit by unit, which costs less than the call that writes a longer one.

const shortMax = 24;

/** False when it is longer, or not ASCII: then nothing of what was written counts. The caller has looked for room. */
export function writeShort(text: string, area: Uint8Array, at: number): boolean {
  if (text.length > shortMax) return false;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return false;
    area[at + index] = unit;
  }
  return true;
}
