import { InvalidArgumentError } from 'commander'

/**
 * Reads the value of an option.
 *
 * @throws InvalidArgumentError if it is not a whole number from 1 to `max`
 */
export function parseWholeNumber(text: string, max: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`)
}
