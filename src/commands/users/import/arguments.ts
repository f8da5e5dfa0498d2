import { InvalidArgumentError } from 'commander'
import { SUBJECT_CLAIMS, type SubjectClaim } from '../../../../plugins/signing-keys/fastapi.ts'
import { parseWholeNumber } from '../../terminal/whole-number.ts'

const MAX_BATCH_SIZE = 10_000

/** The minutes of a year. */
const MAX_TOKEN_MINUTES = 525_600

/** How a token of a FastAPI app names its user. */
export interface TokenSubject {
  claim: SubjectClaim
  column: string
}

export function parseBatchSize(text: string): number {
  return parseWholeNumber(text, MAX_BATCH_SIZE)
}

export function parseTokenMinutes(text: string): number {
  return parseWholeNumber(text, MAX_TOKEN_MINUTES)
}

export function parseTokenSubject(text: string): TokenSubject {
  const [name, column = ''] = text.split('=', 2)
  const claim = SUBJECT_CLAIMS.find((claim) => claim === name)
  if (!claim || !/^\w+$/.test(column)) {
    throw new InvalidArgumentError(
      `It must be one of ${SUBJECT_CLAIMS.join(', ')}, and a column, such as sub=email.`,
    )
  }
  return { claim, column }
}
