import isEmail from 'validator/lib/isEmail.js'

/** The longest e-mail address that can be delivered to (RFC 5321 section 4.5.3.1.3, less its angle brackets). */
export const EMAIL_MAX_LENGTH = 254

/**
 * Control and format characters and line breaks: no address needs them, and they make one look like another or break the
 * lines of a header. The two joiners stay, since some scripts are spelled with them.
 */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** Nearly every address, in its one spelling: of the library's many questions none can be answered by no. */
const PLAIN = /^[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}$/

/** Characters of such an address at most: as many as its part before the at sign alone may have. */
const PLAIN_MAX_LENGTH = 64

/** The one spelling under which an e-mail address is stored and looked up: trimmed, in lower case, composed (NFC). */
export function normalizeEmail(email: string): string {
  // In this order: lower-casing can leave letters that compose further.
  return email.trim().toLowerCase().normalize('NFC')
}

/** Whether a text is an e-mail address: of the Internet, of a host without a dot, or of an internationalised domain. */
export function isEmailAddress(text: string): boolean {
  const email = normalizeEmail(text)
  if (email.length <= PLAIN_MAX_LENGTH && PLAIN.test(email)) return true
  return (
    email.length <= EMAIL_MAX_LENGTH &&
    email.isWellFormed() &&
    !UNSEEN.test(email) &&
    isEmail.default(email, { require_tld: false })
  )
}
