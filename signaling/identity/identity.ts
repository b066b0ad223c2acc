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

/** Gives out identities and recognises them. Methods reject where the provider does not answer. */
export interface Identity {
  /** Makes an identity for whoever asks. */
  anonymousSignIn(): Promise<SignIn>;
  /** Says whose token it is, or why it is nobody's. */
  verify(idToken: string): Promise<Verdict>;
}
