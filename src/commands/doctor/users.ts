import { normalizeEmail } from '../../../plugins/accounts/email.ts'
import { printable } from '../terminal/text.ts'
import { type Finding, warn } from './finding.ts'

/** The most mailboxes to name. */
const MAX_NAMED = 3

/** Finds users who share a mailbox, because they registered when addresses had several spellings. */
export function checkUsers(emails: string[]): Finding[] {
  const shared = [...Map.groupBy(emails, normalizeEmail).values()].filter(({ length }) => length > 1)
  if (shared.length === 0) return []
  const named = shared.slice(0, MAX_NAMED).map((spellings) => spellings.map(printable).join(' and '))
  return [
    warn(
      `${shared.length} mailboxes have several users: ${named.join('; ')}`,
      'Each can log in by their own spelling. Ask the owner which one they use, and delete the other.',
    ),
  ]
}
