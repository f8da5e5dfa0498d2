import type { HashCostCount } from '../../../drizzle/hash-costs.ts'
import { normalizeEmail } from '../../../plugins/accounts/email.ts'
import type { Config } from '../../settings/environment.ts'
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

/** Finds users whose hashes have a higher cost than new ones: every failed login takes as long as for theirs. */
export function checkHashCosts(counts: HashCostCount[], { bcryptCost }: Config): Finding[] {
  const higher = counts.filter(({ cost }) => cost > bcryptCost)
  if (higher.length === 0) return []
  const named = higher.map(({ cost, users }) => `cost ${cost}: ${users}`).join(', ')
  return [
    warn(
      `users with a hash above BCRYPT_COST=${bcryptCost} (${named}): every failed login takes as long as theirs`,
      'Their next login replaces the hash. Until then, expect fewer logins per second, or set them new passwords.',
    ),
  ]
}
