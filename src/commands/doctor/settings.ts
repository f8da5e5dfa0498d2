import { type Config, ConfigSchema, environmentName, readConfig } from '../../settings/environment.ts'
import { InvalidOptionsError } from '../../settings/parse.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { isMisspelling } from './misspelling.ts'

/** The settings, as far as they are valid. */
export interface ReadSettings {
  config: Config
  /** The names of invalid settings, which have their defaults in `config`. */
  wrong: Set<string>
  findings: Finding[]
}

const NAMES = Object.keys(ConfigSchema.properties).map(environmentName)

/** Reads the settings as the service does, but continues after an invalid one. */
export function readSettings(env: NodeJS.ProcessEnv): ReadSettings {
  const wrong = new Set<string>()
  const findings = [...readFile(), ...findMisspellings(env)]
  for (;;) {
    const usable = Object.fromEntries(Object.entries(env).filter(([name]) => !wrong.has(name)))
    try {
      const config = readConfig(usable)
      const set = NAMES.filter((name) => env[name] !== undefined)
      if (wrong.size === 0)
        findings.push(ok(set.length > 0 ? `set: ${set.join(', ')}` : 'all have their defaults'))
      return { config, wrong, findings }
    } catch (error) {
      if (!(error instanceof InvalidOptionsError)) throw error
      for (const fault of error.message.split('\n')) {
        const name = fault.split(' ')[0] ?? ''
        // The same fault again would loop forever.
        if (wrong.has(name)) throw error
        wrong.add(name)
        findings.push(fail(fault, `Correct ${name} in the environment or in .env.`))
      }
    }
  }
}

function readFile(): Finding[] {
  try {
    process.loadEnvFile()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') return [fail(`.env cannot be read: ${code}`, 'Let the service’s user read it.')]
  }
  return []
}

function findMisspellings(env: NodeJS.ProcessEnv): Finding[] {
  const findings: Finding[] = []
  for (const name of Object.keys(env)) {
    const meant = NAMES.includes(name) ? undefined : NAMES.find((known) => isMisspelling(name, known))
    if (meant !== undefined)
      findings.push(warn(`${name} is not a setting`, `Rename it to ${meant}, if you mean that.`))
  }
  return findings
}
