/** What a referee throws. */

/** A room that did what it must never do. */
export class Violation extends Error {}
