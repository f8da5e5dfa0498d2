import type { FastifyInstance } from 'fastify'

/** The samples of a scrape, by name and labels as written, for example `postern_logins_total{outcome="succeeded"}`. */
export type Samples = ReadonlyMap<string, number>

export function parseSamples(body: string): Samples {
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1).replace('Inf', 'Infinity'))]
    }),
  )
}

/** Scrapes an app without HTTP. */
export async function scrape(app: FastifyInstance): Promise<Samples> {
  return parseSamples((await app.postern.metrics()).body)
}

/** The growth of each sample of a metric between two scrapes, without those that have not changed. */
export function growth(before: Samples, after: Samples, name: string): Record<string, number> {
  const grown = [...after]
    .filter(([series]) => series.split('{')[0] === name)
    .map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const)
  return Object.fromEntries(grown.filter(([, difference]) => difference !== 0))
}
