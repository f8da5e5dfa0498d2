import proxyAddr from '@fastify/proxy-addr'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { Options } from '../../plugins/postern.ts'
import { OptionsSchema, optionFormats } from './options.ts'
import { type Formats, InvalidOptionsError, parse, succeeds } from './parse.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** The settings of the standalone server: those of the plugin, and those of the process. */
export const ConfigSchema = Type.Object(
  {
    ...OptionsSchema.properties,
    databaseUrl: Type.String({ ...OptionsSchema.properties.databaseUrl, default: './data/postern.db' }),
    /** The address to listen on. */
    host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'an address or a host name' }),
    /** The port to listen on; 0 for any free port. */
    port: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 3000,
      description: 'a whole number from 0 to 65535',
    }),
    /** The port that metrics are served on; without it, there are none. */
    metricsPort: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: 'a whole number from 0 to 65535, other than PORT',
      }),
    ),
    /** The address that metrics are served at; `host` by default. */
    metricsHost: Type.Optional(Type.String({ minLength: 1, description: 'an address or a host name' })),
    /** Proxies whose `X-Forwarded-*` headers are trusted. */
    trustProxy: Type.Array(Type.String({ format: 'proxy' }), {
      default: [],
      description: 'addresses or networks, separated by commas, as in 127.0.0.1,10.0.0.0/8',
    }),
    /** The lowest level that is logged. */
    logLevel: Type.Union(
      LOG_LEVELS.map((level) => Type.Literal(level)),
      { default: 'info', description: `one of ${LOG_LEVELS.join(', ')}` },
    ),
    /** Whether there is a page at `/docs`. */
    docs: Type.Boolean({ default: true, description: 'true or false' }),
    /** For how many seconds requests are still answered after `/readyz` has said that the process stops. */
    shutdownDelaySeconds: Type.Integer({
      minimum: 0,
      maximum: 300,
      default: 0,
      description: 'a whole number of seconds from 0 to 300',
    }),
  },
  { additionalProperties: false },
)

/** All settings of the standalone server, with defaults. */
export type Config = Static<typeof ConfigSchema>

const formats: Formats = {
  ...optionFormats,
  // A number is a valid address, but would be meant as a number of hops.
  proxy: (value: string) => !/^\d+(\/|$)/.test(value) && succeeds(() => proxyAddr.compile(value)),
}

/** The settings that are options of the plugin. */
export function pluginOptions(config: Config): Partial<Options> {
  const names = Object.keys(OptionsSchema.properties)
  const entries = Object.entries(config).filter(([name]) => names.includes(name))
  return Object.fromEntries<unknown>(entries) as Partial<Options>
}

/** The environment variable of an option: `DATABASE_URL` for `databaseUrl`. */
export function environmentName(option: string): string {
  return option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

/**
 * Reads the settings from environment variables.
 *
 * @throws InvalidOptionsError naming each invalid variable
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const values: Record<string, unknown> = {}
  for (const [option, schema] of Object.entries(ConfigSchema.properties)) {
    const value = env[environmentName(option)]
    if (value !== undefined) values[option] = fromText(schema, value)
  }
  const config = parse(ConfigSchema, values, formats, environmentName)
  if (config.metricsPort === config.port && config.port !== 0) {
    throw new InvalidOptionsError(`METRICS_PORT must be ${ConfigSchema.properties.metricsPort.description}`)
  }
  return config
}

/** Converts a variable's text to the type of its schema, or returns it unchanged if that is not possible. */
function fromText({ type }: TSchema, text: string): unknown {
  if (type === 'array') return text.split(',').map((item) => item.trim())
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return type === 'integer' && /^\d+$/.test(text) ? Number(text) : text
}

/**
 * Reads the settings from the environment, and from the file `.env` in the working directory if there is one.
 *
 * @throws InvalidOptionsError naming each invalid variable
 */
export function loadConfig(): Config {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return readConfig(process.env)
}
