/** A fast hash for simulations: the same everywhere, and no protection against anybody. */

/** A running 53-bit digest of text, after bryc's public-domain `cyrb53`. */
export class Digest {
  #one = 0xdeadbeef;
  #two = 0x41c6ce57;

  /** Takes in more text. */
  add(text: string): this {
    let one = this.#one;
    let two = this.#two;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      one = Math.imul(one ^ code, 2654435761);
      two = Math.imul(two ^ code, 1597334677);
    }
    this.#one = one;
    this.#two = two;
    return this;
  }

  /** Takes in bytes. */
  addBytes(bytes: Uint8Array): this {
    let one = this.#one;
    let two = this.#two;
    for (const byte of bytes) {
      one = Math.imul(one ^ byte, 2654435761);
      two = Math.imul(two ^ byte, 1597334677);
    }
    this.#one = one;
    this.#two = two;
    return this;
  }

  /** What was taken in so far, as 16 hexadecimal digits. */
  get hex(): string {
    const one = Math.imul(this.#one ^ (this.#one >>> 16), 2246822507) ^
      Math.imul(this.#two ^ (this.#two >>> 13), 3266489909);
    const two = Math.imul(this.#two ^ (this.#two >>> 16), 2246822507) ^
      Math.imul(one ^ (one >>> 13), 3266489909);
    const part = (half: number) => (half >>> 0).toString(16).padStart(8, "0");
    return part(two) + part(one);
  }
}
