import isEmail from 'validator/lib/isEmail.js'

/** The longest e-mail address that can be delivered to (RFC 5321 section 4.5.3.1.3, less its angle brackets). */
export const EMAIL_MAX_LENGTH = 254

/**
 * Control and format characters and line breaks. No address needs them, and they make one look like another or break
 * the lines of a header. The two joiners are allowed, since some scripts need them.
 */
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** Nearly every address, once normalised. The library would accept each of them, only more slowly. */
const PLAIN = /^[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}$/

/** The greatest length of such an address: that of its local part alone (RFC 5321 section 4.5.3.1.1). */
const PLAIN_MAX_LENGTH = 64

/** The one spelling under which an e-mail address is stored and looked up: trimmed, in lower case, composed (NFC). */
export function normalizeEmail(email: string): string {
  // In this order: lower-casing can produce letters that compose further.
  return email.trim().toLowerCase().normalize('NFC')
}

/** Whether a text is an e-mail address. Hosts without a dot and internationalised domains are allowed. */
export function isEmailAddress(text: string): boolean {
  const email = normalizeEmail(text)
  if (email.length <= PLAIN_MAX_LENGTH && PLAIN.test(email)) return true
  return (
    email.length <= EMAIL_MAX_LENGTH &&
    email.isWellFormed() &&
    !INVISIBLE.test(email) &&
    isEmail.default(email, { require_tld: false })
  )
}
