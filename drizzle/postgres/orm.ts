/** The parts of drizzle-orm that only PostgreSQL needs, and the driver, loaded as in `../drizzle-orm.ts`. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const { drizzle } = require('drizzle-orm/node-postgres') as typeof import('drizzle-orm/node-postgres')
export const { customType, index, integer, PgDialect, PgSchema, pgTable, text } =
  require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core')
export const pg = require('pg') as typeof import('pg')
