/** Far above what a video has (an hour in fragments of a second: some 7,000); a stream of empty boxes has no end. */
const MAX_BOXES = 100_000;

/**
 * Checks whether a stream of bytes is a complete MP4: a chain of boxes (ISO/IEC 14496-12 section 4.2), `ftyp` first,
 * with `moov` and `mdat` among them, that ends where its last box ends. Takes the same memory for any stream.
 */
export class Mp4Check {
  readonly #missing = new Set(['ftyp', 'moov', 'mdat']);
  #header = Buffer.alloc(0);
  #boxes = 0;
  /** Bytes of the current box that are still to come. */
  #left = 0;
  #isOpenEnded = false;
  /** Why this is no MP4, whatever follows. */
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

  /** Why the bytes so far are no complete video. */
  get incomplete(): string | undefined {
    if (this.flaw !== undefined) return this.flaw;
    if (this.#left > 0 || this.#header.length > 0) return 'it ends in the middle of a box';
    return this.#missing.size > 0 ? `it has no ${[...this.#missing].join(', ')}` : undefined;
  }

  #headerSize(): number {
    return this.#header.length >= 8 && this.#header.readUInt32BE(0) === 1 ? 16 : 8;
  }

  #enterBox(): void {
    const type = this.#header.toString('latin1', 4, 8);
    const shortSize = this.#header.readUInt32BE(0);
    const size = shortSize === 1 ? Number(this.#header.readBigUInt64BE(8)) : shortSize;
    this.#boxes += 1;
    if (this.#boxes === 1 && type !== 'ftyp') this.flaw = 'it does not begin like an MP4';
    else if (size !== 0 && size < this.#header.length)
      this.flaw = 'its boxes do not add up: one is smaller than its header';
    else if (this.#boxes > MAX_BOXES) this.flaw = `it has more than ${MAX_BOXES} boxes`;
    this.#missing.delete(type);
    this.#left = Math.max(0, size - this.#header.length);
    // A box of size 0 extends to the end of the file.
    this.#isOpenEnded = size === 0;
    this.#header = Buffer.alloc(0);
  }
}
