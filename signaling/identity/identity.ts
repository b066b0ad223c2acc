/** Who makes rooms, as a port. Peers prove themselves by keys instead; see `lib/protocol/identity.ts`. */

/** A new identity, as the seed's `/anonymous-signin` answers it. */
export interface SignIn {
  /** Shown as `Authorization: Bearer` from then on. */
  readonly id_token: string;
  readonly username: string;
}

/** What an id token is worth. */
export type Verdict =
  | { readonly ok: true; readonly subject: string }
  | { readonly ok: false; readonly reason: string };

/** How the users that anonymous sign-in makes are called: what follows is 80 random bits. */
export const ANONYMOUS_PREFIX = "anonymous-";

/** The provider of identities does not answer now, and may later. */
export class IdentityUnavailable extends Error {
  override readonly name = "IdentityUnavailable";
  /** After how long it is worth asking again. */
  readonly retryAfterMs: number;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs: number }) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Gives out identities and recognises them. Methods reject where the provider does not answer, with
 * {@linkcode IdentityUnavailable}.
 */
export interface Identity {
  /** Makes an identity for whoever asks. */
  anonymousSignIn(): Promise<SignIn>;
  /** Says whose token it is, or why it is nobody's. */
  verify(idToken: string): Promise<Verdict>;
  /** Tells the provider that `subject` is still connected, so that a cleanup leaves it alone. */
  keep(subject: string): Promise<void>;
  /**
   * Tells the provider that nobody is connected as `subject` any more: what it keeps of an anonymous
   * user may go. Id tokens are good until they expire all the same.
   */
  forget(subject: string): Promise<void>;
  /** Gives back what the identity holds. */
  close(): Promise<void>;
}
