/** How many bytes of a password bcrypt reads; it ignores the rest. */
const BCRYPT_MAX_BYTES = 72

/** Whether bcrypt can tell a password from every other. It cuts at 72 bytes, and folds NULs and lone surrogates. */
export function isHashable(password: string): boolean {
  return (
    Buffer.byteLength(password) <= BCRYPT_MAX_BYTES && !password.includes('\0') && password.isWellFormed()
  )
}

/**
 * Why a new password is not acceptable (NIST SP 800-63B-4 section 3.1.1.2).
 *
 * @param minLength in characters (Unicode code points)
 * @returns a sentence for the user, or undefined if it is acceptable
 */
export async function findPasswordFault(password: string, minLength: number): Promise<string | undefined> {
  if ([...password].length < minLength) return `must have at least ${minLength} characters`
  if (!isHashable(password)) {
    return `must have at most ${BCRYPT_MAX_BYTES} bytes in UTF-8, and be well-formed text without NUL characters`
  }
  if (await isCommon(password)) return 'is one of the most common passwords; choose another'
  return undefined
}

let commonPasswords: Promise<ReadonlySet<string>> | undefined

async function isCommon(password: string): Promise<boolean> {
  commonPasswords ??= loadCommonPasswords()
  return (await commonPasswords).has(password.toLowerCase())
}

/** Loaded at first use, so that a start does not wait for it. */
async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'] as string[])
}
