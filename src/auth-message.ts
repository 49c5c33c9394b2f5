/** The six strings that a proof and a signature are bound to, exactly as sent. */
export interface Exchange {
  id: string;
  seed: string;
  salt: string;
  kdf: string;
  nonce: string;
  username: string;
}

/** Returns the AuthMessage of RFC 5802, 3, in this product's form: the six strings joined by line feeds. */
export function authMessage({ id, seed, salt, kdf, nonce, username }: Exchange): string {
  return [id, seed, salt, kdf, nonce, username].join('\n');
}
