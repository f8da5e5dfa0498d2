import isEmail from 'validator/lib/isEmail.js'

/** The longest e-mail address that can be delivered to (RFC 5321 section 4.5.3.1.3, less its angle brackets). */
export const EMAIL_MAX_LENGTH = 254

/** The one spelling under which an e-mail address is stored and looked up: trimmed, in lower case, composed (NFC). */
export function normalizeEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase()
}

/** Whether a text is an e-mail address: of the Internet, of a host without a dot, or of an internationalised domain. */
export function isEmailAddress(text: string): boolean {
  const email = normalizeEmail(text)
  return (
    email.length <= EMAIL_MAX_LENGTH && email.isWellFormed() && isEmail.default(email, { require_tld: false })
  )
}
