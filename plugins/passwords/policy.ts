/** Bytes of a password that bcrypt reads; it ignores the rest. */
const BCRYPT_MAX_BYTES = 72

/** Whether bcrypt tells this password from every other. It cuts at 72 bytes and folds NULs and lone surrogates together. */
export function isHashable(password: string): boolean {
  return (
    Buffer.byteLength(password) <= BCRYPT_MAX_BYTES && !password.includes('\0') && password.isWellFormed()
  )
}

/**
 * What speaks against a new password (NIST SP 800-63B-4 section 3.1.1.2).
 *
 * @param minLength in characters (Unicode code points)
 * @returns a sentence for its owner, or undefined for a good one
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

/** Loaded when it is first needed: a start should not wait for it. */
async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'] as string[])
}
