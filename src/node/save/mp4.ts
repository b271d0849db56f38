/**
 * Whether a stream of bytes is a whole MP4: a chain of boxes, `ftyp` first, with `moov` and `mdat` among them, that ends
 * where the last box does.
 */
export class Mp4Check {
  #header = Buffer.alloc(0);
  /** How much of the current box is still to come, where its header is known. */
  #left = 0;
  #isOpenEnded = false;
  readonly #seen = new Set<string>();
  /** What is wrong, as soon as that can be told. */
  flaw: string | undefined;

  add(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (bytes.length > 0 && this.flaw === undefined && !this.#isOpenEnded) {
      const skipped = Math.min(this.#left, bytes.length);
      this.#left -= skipped;
      bytes = bytes.subarray(skipped);
      if (this.#left > 0 || bytes.length === 0) return;
      const wanted = this.#headerSize() - this.#header.length;
      this.#header = Buffer.concat([this.#header, bytes.subarray(0, wanted)]);
      bytes = bytes.subarray(wanted);
      if (this.#header.length === this.#headerSize()) this.#enterBox();
    }
  }

  /** What keeps the bytes so far from being a whole video. */
  get incomplete(): string | undefined {
    if (this.flaw !== undefined) return this.flaw;
    if (this.#left > 0 || this.#header.length > 0) return 'it ends in the middle';
    const missing = ['ftyp', 'moov', 'mdat'].filter((type) => !this.#seen.has(type));
    return missing.length > 0 ? `it has no ${missing.join(', ')}` : undefined;
  }

  #headerSize(): number {
    return this.#header.length >= 8 && this.#header.readUInt32BE(0) === 1 ? 16 : 8;
  }

  #enterBox(): void {
    const type = this.#header.toString('latin1', 4, 8);
    const told = this.#header.readUInt32BE(0);
    const size = told === 1 ? Number(this.#header.readBigUInt64BE(8)) : told;
    if (this.#seen.size === 0 && type !== 'ftyp') this.flaw = 'it does not begin like an MP4';
    else if (size !== 0 && size < this.#header.length) this.flaw = 'its boxes do not add up';
    this.#seen.add(type);
    this.#left = Math.max(0, size - this.#header.length);
    // A box of size 0 goes on to the end of the file.
    this.#isOpenEnded = size === 0;
    this.#header = Buffer.alloc(0);
  }
}
