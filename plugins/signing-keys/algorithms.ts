/** The signing algorithms (RFC 7518 section 3.1, RFC 8037) that Postern offers. */
export const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'HS256'] as const

export type Algorithm = (typeof ALGORITHMS)[number]
