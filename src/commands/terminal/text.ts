/** Characters that a terminal or a log reader may take for a command, or that turn the direction of the text around them. */
const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A stranger's text, as it may be shown on a terminal: nothing in it acts, and where something would have, that is to be seen. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll(NOT_PRINTABLE, '\u{fffd}')
}

/** A value as JSON that may be shown on a terminal too: what is not printable stands there by its number. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(NOT_PRINTABLE, (character) =>
    character === '\n' ? character : byNumber(character),
  )
}

/** As JSON writes it (RFC 8259 section 7): by each of its UTF-16 code units. */
function byNumber(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
