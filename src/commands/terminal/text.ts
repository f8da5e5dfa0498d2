/** Characters that control a terminal or a log viewer, or change the direction of text. */
const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Makes untrusted text safe to show on a terminal: each control character becomes U+FFFD. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll(NOT_PRINTABLE, '\u{fffd}')
}

/** Formats a value as JSON that is safe to show on a terminal: control characters are escaped. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(NOT_PRINTABLE, (character) =>
    character === '\n' ? character : escapeUnits(character),
  )
}

/** Escapes each UTF-16 code unit (RFC 8259, section 7). */
function escapeUnits(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
