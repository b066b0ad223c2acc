/**
 * How an offer says that both ends are on one machine: by a line of SDP that others skip. Knows the
 * line, not how anybody finds out.
 */

const LINE = "a=x-sleap-rtc-near";

/** That offer with the line, before its first section. */
export function withNear(sdp: string): string {
  return sdp.replace(/^m=/m, `${LINE}\r\nm=`);
}

/** Whether an offer says so. */
export function saysNear(sdp: string): boolean {
  return sdp.split(/\r?\n/).includes(LINE);
}
