import type { Inspection, PostgresInspection, SqliteInspection } from '../../../drizzle/inspection.ts'
import type { Config } from '../../settings/environment.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Milliseconds by which clocks differ: more than with NTP, and more than the rotation of keys tolerates. */
const WARN_CLOCK = 2000
const FAIL_CLOCK = 30_000

export function checkTables({ schema, writeFault }: Inspection): Finding[] {
  const findings: Finding[] = []
  if (schema === 'newer') {
    findings.push(
      fail(
        'the tables belong to a newer version of Postern',
        'Run that version, or restore a backup from before the upgrade.',
      ),
    )
  }
  if (schema === 'outdated') {
    findings.push(warn('the tables belong to an older version', 'Start the service, or run postern migrate.'))
  }
  if (writeFault !== undefined) {
    findings.push(fail(`not writable: ${writeFault}`, 'Let the service’s user write to it.'))
  }
  if (findings.length > 0) return findings
  return [ok(schema === 'none' ? 'not created yet: the service creates them' : 'up to date and writable')]
}

export function checkFile({ damage, journalMode, schema }: SqliteInspection): Finding[] {
  if (damage.length > 0) {
    return [
      fail(
        `the file is damaged: ${damage.join('; ')}`,
        'Stop the service, keep the file, and restore the last backup.',
      ),
    ]
  }
  if (journalMode === 'wal' || schema === 'none')
    return [ok('no damage found, and commits are flushed to disk')]
  return [warn(`the journal mode is ${journalMode}`, 'Start the service: it sets WAL.')]
}

export function checkDurability(server: PostgresInspection): Finding[] {
  const { fsync, fullPageWrites, synchronousCommit, isDirect } = server
  if (!fsync || !fullPageWrites) {
    return [
      fail(
        `the server has ${fsync ? 'full_page_writes' : 'fsync'} = off: a crash may destroy the database`,
        'Set it to on in postgresql.conf.',
      ),
    ]
  }
  if (synchronousCommit !== 'off') return [ok(`synchronous_commit = ${synchronousCommit}`)]
  return isDirect
    ? [ok('synchronous_commit = off, but Postern sets it to on for its own connections')]
    : [
        fail(
          'synchronous_commit = off, which Postern cannot change through a pooler: a crash may lose logouts',
          'Run: alter role … set synchronous_commit = on',
        ),
      ]
}

/** @param instances how many processes will run */
export function checkConnections(
  { connectionLimit, connections, isDirect }: PostgresInspection,
  { databasePoolSize }: Config,
  instances: number,
): Finding[] {
  if (!isDirect) return [ok('through a pooler, whose own limit applies')]
  const needed = databasePoolSize * instances
  const detail =
    `${instances} × DATABASE_POOL_SIZE=${databasePoolSize} of ${connectionLimit} connections; ` +
    `Postern uses ${connections} now`
  if (needed > connectionLimit) {
    return [fail(detail, 'Lower DATABASE_POOL_SIZE, raise max_connections, or use PgBouncer.')]
  }
  const room = Math.floor(connectionLimit / databasePoolSize)
  if (needed > connectionLimit / 2) {
    return [
      warn(
        `${detail}: room for ${room} instances`,
        'Before you start more instances, lower DATABASE_POOL_SIZE, raise max_connections, or use PgBouncer. ' +
          'A rolling deployment runs more of them for a while.',
      ),
    ]
  }
  return [ok(`${detail}: room for ${room} instances`)]
}

/** @param isLocal whether the server is on this machine */
export function checkServer(
  { server, encoding, isDirect, isEncrypted }: PostgresInspection,
  isLocal: boolean,
): Finding[] {
  const name = server.split(/,| on /)[0]
  if (encoding !== 'UTF8') {
    return [
      fail(
        `the database’s encoding is ${encoding}`,
        "Create another one: create database postern encoding 'UTF8'",
      ),
    ]
  }
  if (!isEncrypted && !isLocal && isDirect) {
    return [
      warn(
        `${name}, over an unencrypted connection`,
        'Add ?sslmode=verify-full to DATABASE_URL, unless you trust the network.',
      ),
    ]
  }
  return [ok(isDirect ? `${name}` : `${name}, through a pooler: without prepared statements`)]
}

/** Compares the clock with the server’s, if there is one, and with the latest record. */
export function checkClock(inspection: Inspection & Partial<PostgresInspection>): Finding[] {
  const { latest, clockOffset = 0, clockUncertainty = 0 } = inspection
  const findings: Finding[] = []
  const ahead = Math.max(0, Math.abs(clockOffset) - clockUncertainty)
  const remedy = 'Synchronize the clocks of all machines by NTP.'
  if (ahead > WARN_CLOCK) {
    const detail = `this clock is ${seconds(ahead)} ${clockOffset > 0 ? 'behind' : 'ahead of'} the server’s`
    findings.push(ahead > FAIL_CLOCK ? fail(detail, remedy) : warn(detail, remedy))
  }
  const future = (latest?.getTime() ?? 0) - Date.now()
  if (future > WARN_CLOCK) {
    const detail =
      `the latest record is ${seconds(future)} in the future: ` +
      'this clock was set back, or another machine’s is ahead'
    findings.push(future > FAIL_CLOCK ? fail(detail, remedy) : warn(detail, remedy))
  }
  if (findings.length > 0) return findings
  return [
    ok(inspection.clockOffset === undefined ? 'no record is in the future' : 'agrees with the server’s'),
  ]
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(0)} s`
}
