import { domainToASCII, domainToUnicode } from 'node:url'
import isEmail from 'validator/lib/isEmail.js'

/** The longest e-mail address that can be delivered to (RFC 5321 section 4.5.3.1.3, less its angle brackets). */
export const EMAIL_MAX_LENGTH = 254

/** The longest text that is normalised: composing can shorten a text to a third, and takes quadratic time. */
const NORMALIZED_MAX_LENGTH = 3 * EMAIL_MAX_LENGTH

/**
 * Control and format characters and line breaks. No address needs them, and they make one look like another or break
 * the lines of a header. The two joiners are allowed, since some scripts need them.
 */
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const EMAIL_OPTIONS = { require_tld: false }

/** Nearly every address, once normalised. The library would accept each of them, only more slowly. */
const PLAIN = /^[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}$/

/** The greatest length of such an address: that of its local part alone (RFC 5321 section 4.5.3.1.1). */
const PLAIN_MAX_LENGTH = 64

/** A local part that needs no quotes (RFC 5321 section 4.1.2, RFC 6531 section 3.3). */
const DOT_STRING =
  /^[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+)*$/u

/** A domain with letters beyond ASCII, or with their spelling in ASCII; without what means something else in a URL. */
const INTERNATIONAL_DOMAIN = /^(?=.*(?:[^\0-\x7f]|xn--))[a-z0-9.\u{80}-\u{10ffff}-]+$/u

/**
 * The one spelling under which an e-mail address is stored: trimmed, in lower case, composed (NFC), with its domain in
 * its own letters, and without quotes that it does not need. Mail systems deliver all spellings that this makes equal
 * to one mailbox.
 *
 * @returns of a text that is too long for an address, the beginning, which is too long as well
 */
export function normalizeEmail(email: string): string {
  const folded = foldCase(email)
  const at = folded.lastIndexOf('@')
  if (at < 0 || folded.length > NORMALIZED_MAX_LENGTH) return folded
  return `${unquote(folded.slice(0, at))}@${inOwnLetters(folded.slice(at + 1))}`
}

/**
 * The spellings under which a user with this address may be stored. Users from before addresses had one spelling keep
 * theirs: as it was typed, or with the domain in ASCII, as browsers send it.
 *
 * @returns each spelling once; for nearly every address there is only one
 */
export function spellingsOf(email: string): string[] {
  const normalized = normalizeEmail(email)
  const at = normalized.lastIndexOf('@')
  const domain = normalized.slice(at + 1)
  const spellings = new Set([foldCase(email), normalized])
  if (isInternational(domain)) spellings.add(`${normalized.slice(0, at)}@${domainToASCII(domain)}`)
  return [...spellings]
}

/** Trims a text and converts it to lower case, composed (NFC). A text that is too long for an address is cut. */
export function foldCase(text: string): string {
  const trimmed = text.trim()
  if (trimmed.length > NORMALIZED_MAX_LENGTH) return trimmed.slice(0, EMAIL_MAX_LENGTH + 1)
  // In this order: lower-casing can produce letters that compose further.
  return trimmed.toLowerCase().normalize('NFC')
}

/** Whether a text is an e-mail address. Hosts without a dot and internationalised domains are allowed. */
export function isEmailAddress(text: string): boolean {
  const email = normalizeEmail(text)
  if (email.length <= PLAIN_MAX_LENGTH && PLAIN.test(email)) return true
  return (
    email.length <= EMAIL_MAX_LENGTH &&
    email.isWellFormed() &&
    !INVISIBLE.test(email) &&
    isEmail.default(email, EMAIL_OPTIONS)
  )
}

/** `"ada"` and `"\ada"` are the same local part as `ada` (RFC 5321 section 4.1.2). */
function unquote(local: string): string {
  if (!local.startsWith('"') || !local.endsWith('"')) return local
  const text = local.slice(1, -1).replaceAll(/\\(.)/gu, '$1')
  return DOT_STRING.test(text) ? text : local
}

/** A domain as people write it (UTS 46), where the DNS has another spelling for it (RFC 5890 section 2.3.2.1). */
function inOwnLetters(domain: string): string {
  if (!isInternational(domain)) return domain
  const ascii = domainToASCII(domain)
  const unicode = domainToUnicode(ascii)
  const isFaithful = ascii !== '' && domainToASCII(unicode) === ascii
  return isFaithful && isEmail.default(`x@${unicode}`, EMAIL_OPTIONS) ? unicode : ascii || domain
}

/** A domain with invisible characters is none: they would be dropped, but an address that has one is refused. */
function isInternational(domain: string): boolean {
  return INTERNATIONAL_DOMAIN.test(domain) && !INVISIBLE.test(domain)
}
