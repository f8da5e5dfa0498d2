import { isEasyToGuess } from './guesses.ts'

/** How many bytes of a password bcrypt reads; it ignores the rest. */
const BCRYPT_MAX_BYTES = 72

/** Whether bcrypt can tell a password from every other. It cuts at 72 bytes, and folds NULs and lone surrogates. */
export function isHashable(password: string): boolean {
  return (
    Buffer.byteLength(password) <= BCRYPT_MAX_BYTES && !password.includes('\0') && password.isWellFormed()
  )
}

/** What a new password is held to. */
export interface PasswordRules {
  /** In characters (Unicode code points). */
  minLength: number
  /** What an attacker knows of the user and of the service. */
  words: readonly string[]
}

/**
 * Why a new password is not acceptable (NIST SP 800-63B-4 section 3.1.1.2).
 *
 * @param password may be of any length
 * @returns a sentence for the user, or undefined if it is acceptable
 */
export async function findPasswordFault(
  password: string,
  { minLength, words }: PasswordRules,
): Promise<string | undefined> {
  if ([...password].length < minLength) return `must have at least ${minLength} characters`
  if (!isHashable(password)) {
    return `must have at most ${BCRYPT_MAX_BYTES} bytes in UTF-8, and be well-formed text without NUL characters`
  }
  if (await isEasyToGuess(password, words)) return 'is too common or too easy to guess; choose another'
  return undefined
}
