/**
 * Whether a database can hold a text. PostgreSQL refuses queries with NUL in a text. No row has one, so there is
 * nothing to find.
 */
export function isStorable(text: string): boolean {
  return !text.includes('\0')
}
