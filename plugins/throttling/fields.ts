/** The limits, by the names that clients, operators and the audit trail see. */
export type RateLimitName =
  | 'login_failures_per_account'
  | 'login_failures_per_account_and_address'
  | 'login_failures_per_address'
  | 'registrations_per_address'
  | 'client_failures_per_address'

/**
 * The response fields about a limit that a client has reached: `Retry-After` (RFC 9110 section 10.2.3),
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).
 *
 * @param wait milliseconds until the next attempt is possible
 */
export function rateLimitFields(
  name: RateLimitName,
  { points, duration }: { points: number; duration: number },
  wait: number,
): Record<string, string> {
  const seconds = Math.ceil(wait / 1000)
  return {
    'retry-after': `${seconds}`,
    'ratelimit-policy': `"${name}";q=${points};w=${duration}`,
    ratelimit: `"${name}";r=0;t=${seconds}`,
  }
}
