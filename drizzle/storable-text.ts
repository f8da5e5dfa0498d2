/**
 * Whether a text can be in a database. PostgreSQL's text has no NUL, and whoever asks for one gets an error. Nothing with one is stored in
 * any database, so it is not there.
 */
export function isStorable(text: string): boolean {
  return !text.includes('\0')
}
