/** The flags of V8 that programs are made with and measured with, as `deno task start` has them. */

/**
 * A small young generation: a server with a thousand workers that come and go keeps some 140 MB. Not
 * `--heap-growing-percent`, which keeps no less and collects so often that a werift link is slower by
 * a third: each of its datagrams is a buffer of 64 KiB (measured).
 */
export const V8_FLAGS = "--max-semi-space-size=4";
