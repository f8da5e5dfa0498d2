/** Shorter parts say nothing. */
const MIN_LENGTH = 3

/** Whom a password is for. */
export interface PasswordOwner {
  email: string
  name?: string | null | undefined
}

/**
 * What an attacker knows before the first guess: the user's e-mail and name, the service's name, and their parts.
 *
 * @param issuer the name of the service, or its URL
 */
export function knownWords({ email, name }: PasswordOwner, issuer: string): string[] {
  const texts = [email, email.split('@')[0], name, issuer].map((text) => fold(text ?? ''))
  const parts = texts.flatMap((text) => text.split(/[^\p{L}\p{M}\p{N}]+/u))
  return [...new Set([...texts, ...parts])].filter(({ length }) => length >= MIN_LENGTH)
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
